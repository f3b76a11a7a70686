import { ifFree } from "../if_free.ts";
import type { Store } from "../types.ts";

/** Runs `work` if no migration runs in this root, and lets none begin meanwhile; else returns undefined at once. */
export function unlessMigrating<T>(
  store: Pick<Store, "withLock">,
  work: () => Promise<T>,
): Promise<T | undefined> {
  return ifFree(store, "migration", work);
}
