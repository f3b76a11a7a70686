/** At most so many at once. */
import { throwIfCancelled } from "../../bytes/index.ts";

/** Runs `work` as soon as a place is free, in the order of asking. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

/** Gives `places` places. Work that still waits when `signal` aborts fails with the signal's reason. */
export function limitTo(places: number, signal: AbortSignal): Limit {
  const waiting: (() => void)[] = [];
  let free = Math.max(1, places);
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free--;
    try {
      throwIfCancelled(signal);
      return await work();
    } finally {
      // The place goes straight to the next in line, so nobody can slip in between.
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
