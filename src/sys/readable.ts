/** Waiting for a descriptor on the event loop. */
import { Failure } from "../errors.ts";
import { koffi } from "./libc.ts";

/**
 * Resolves when `fd` can be read, or has hung up.
 * @throws Failure("cancelled") when `signal` aborts
 */
export async function whenReadable(fd: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw cancelled(signal);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const handle = koffi().node.poll(fd, { readable: true, disconnect: true }, () => resolve());
  const abort = (): void => reject(cancelled(signal));
  signal.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    handle.close();
  }
}

/** The abort's reason if it is a Failure, else a Failure("cancelled") that holds it. */
export function cancelled(signal: AbortSignal): Failure {
  const reason: unknown = signal.reason;
  return reason instanceof Failure ? reason : new Failure("cancelled", "cancelled", { cause: reason });
}
