import type { Store } from "../../store/index.ts";
import { noSuchContainer, readRecord } from "./record.ts";

/**
 * Looks at a container that somebody may take away meanwhile.
 * @throws Failure("not-found") in Docker's words for whatever fails of that
 */
export async function whileThere<T>(store: Store, id: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (cause) {
    if (isThere(store, id)) throw cause;
    throw noSuchContainer(id, { cause });
  }
}

/** @throws Failure("not-found") in Docker's words for one that is removed, or has gone */
export function checkThere(store: Store, id: string): void {
  if (!isThere(store, id)) throw noSuchContainer(id);
}

function isThere(store: Store, id: string): boolean {
  return readRecord(store.root, id)?.State.RemovalInProgress === false;
}
