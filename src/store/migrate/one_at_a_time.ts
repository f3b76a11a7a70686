import { isFailure } from "../../errors.ts";
import type { Store } from "../types.ts";

/** Milliseconds. Long enough to find a free lock, too short for anybody to notice. */
const patience = 50;

/** Runs `work` if no migration runs in this root, and lets none begin meanwhile; else returns undefined at once. */
export async function unlessMigrating<T>(
  store: Pick<Store, "withLock">,
  work: () => Promise<T>,
): Promise<T | undefined> {
  let held = false;
  const working = (): Promise<T> => {
    held = true;
    return work();
  };
  try {
    return await store.withLock("migration", working, AbortSignal.timeout(patience));
  } catch (error) {
    if (!held && isFailure(error, "cancelled")) return undefined;
    throw error;
  }
}
