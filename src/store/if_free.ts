/** Locks that are taken only where nobody has them. */
import { isFailure } from "../errors.ts";
import type { Store } from "./types.ts";

/** Milliseconds. Long enough to find a free lock, too short for anybody to notice. */
const patience = 50;

/** Runs `work` under the lock if it is free; else returns undefined at once. */
export async function ifFree<T>(
  store: Pick<Store, "withLock">,
  lock: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  let held = false;
  const working = (): Promise<T> => {
    held = true;
    return work();
  };
  try {
    return await store.withLock(lock, working, AbortSignal.timeout(patience));
  } catch (error) {
    if (!held && isFailure(error, "cancelled")) return undefined;
    throw error;
  }
}
