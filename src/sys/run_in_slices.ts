/** Long synchronous work on the event loop's thread, cut into pieces. */
import { cancelled } from "./readable.ts";

export interface SliceOptions {
  /** How long the event loop may stand still, in milliseconds; default 10. */
  readonly slice?: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs `steps` to its end, lets the event loop turn between steps when the slice is over, and gives what it returns.
 * @throws what `steps` throws; Failure("cancelled") when `signal` aborts, after which `steps` has cleaned up
 */
export async function runInSlices<T>(
  steps: Generator<unknown, T, void>,
  options: SliceOptions = {},
): Promise<T> {
  const { slice = 10, signal } = options;
  let until = performance.now() + slice;
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (performance.now() < until) continue;
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted === true) {
      // Runs the generator's finally blocks, which close what it has open.
      steps.return(undefined as T);
      throw cancelled(signal);
    }
    until = performance.now() + slice;
  }
}
