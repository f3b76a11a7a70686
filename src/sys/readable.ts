/** Waiting for a descriptor on the event loop. */
import { Failure } from "../errors.ts";
import { koffi } from "./libc.ts";

/**
 * Calls `wake` once, when `fd` can be read or has hung up, unless it is closed before.
 * koffi calls back outside of Node's callback scope: promises settled there are not seen until something else
 * happens, hence the immediate. The poll ends at the first event, or it would spin until the bytes are read.
 */
export function onReadable(fd: number, wake: () => void): { close(): void } {
  let open = true;
  const handle = koffi().node.poll(fd, { readable: true, disconnect: true }, () => {
    if (open) setImmediate(wake);
    close();
  });
  const close = (): void => {
    if (open) handle.close();
    open = false;
  };
  return { close };
}

/**
 * Resolves when `fd` can be read, or has hung up.
 * @throws Failure("cancelled") when `signal` aborts
 */
export async function whenReadable(fd: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw cancelled(signal);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const handle = onReadable(fd, resolve);
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
