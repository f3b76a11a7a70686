/**
 * One lock a container, held by the process that runs it, until mount and record are settled, and by whoever removes
 * it. A process that dies lets go of it, so it also tells whether a supervisor still lives.
 */
import { ifFree, type Store } from "../../store/index.ts";

const lockName = (id: string): string => `container-${id}`;

/** Runs `work` once nobody else supervises the container. Throws `Failure("cancelled")` when `signal` aborts first. */
export function whileSupervising<T>(
  store: Store,
  id: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return store.withLock(lockName(id), work, signal);
}

/** Runs `work` if nobody supervises the container; else returns undefined at once. */
export async function unlessSupervised<T>(
  store: Store,
  id: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  return ifFree(store, lockName(id), work);
}

/** Whether a living process supervises the container. */
export async function isSupervised(store: Store, id: string): Promise<boolean> {
  return (await unlessSupervised(store, id, async () => true)) === undefined;
}
