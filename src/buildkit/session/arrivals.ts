/** Waiting for what another call of the same client is about to bring. */
import { cancelled } from "../../bytes/index.ts";
import type { Failure } from "../../errors.ts";

export interface ArrivalWait {
  readonly signal: AbortSignal;
  /** What it is like if it does not come in time. */
  readonly late: () => Failure;
}

export class Arrivals<T> {
  readonly #waiting = new Map<string, Set<(value: T) => void>>();
  readonly #patience: number;

  /** @param patience milliseconds */
  constructor(patience: number) {
    this.#patience = patience;
  }

  tell(key: string, value: T): void {
    for (const take of this.#waiting.get(key) ?? []) take(value);
  }

  /** @throws what `late` makes, Failure("cancelled") */
  async wait(key: string, { signal, late }: ArrivalWait): Promise<T> {
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = setTimeout(() => reject(late()), this.#patience);
    const abort = (): void => reject(cancelled(signal));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    waiting.add(resolve);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      waiting.delete(resolve);
      if (waiting.size === 0) this.#waiting.delete(key);
    }
  }
}
