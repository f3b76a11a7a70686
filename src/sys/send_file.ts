/** A file's bytes into a socket without a way through this process (`sendfile(2)`). */
import { declareCalls, errno, koffi } from "./libc.ts";
import { cancelled } from "./readable.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls({ sendfile64: ["intptr_t", "int", "int", "void *", "size_t"] });

type Sent = (error: Error | null, count: number) => void;
const EINTR = 4;
const EAGAIN = 11;

/**
 * Sends from the file's own position, which goes along. In the thread pool, since the bytes may lie on a slow disk; both
 * descriptors must stay open until it is done, so they should not be somebody else's to close.
 * @param socket one that does not block: a thread that waited for a slow reader would be missing to all others
 * @param length bytes at most
 * @returns bytes sent, 0 at the end of the file; undefined when the socket takes no more at the moment
 * @throws SysError
 */
export function sendFileInPool(socket: number, file: number, length: number): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  type Async = { async(...args: [number, number, null, number, Sent]): void };
  (calls().sendfile64 as unknown as Async).async(socket, file, null, length, (error, count) => {
    // koffi keeps the errno of the pool's thread for this callback.
    const code = errno();
    if (error !== null) reject(error);
    else if (count >= 0) resolve(count);
    else if (code === EAGAIN || code === EINTR) resolve(undefined);
    else reject(new SysError(code, "sendfile"));
  });
  return promise;
}

/**
 * Resolves when `fd` takes bytes again, or has hung up. It must be one that Node's event loop does not know: a copy.
 * @throws Failure("cancelled") when `signal` aborts
 */
export async function whenWritable(fd: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw cancelled(signal);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(cancelled(signal));
  // No look at `disconnect`: a client that has ended its own side may go on to read.
  const handle = koffi().node.poll(fd, { writable: true }, () => {
    // Else it would spin until the bytes are written.
    handle.stop();
    // Outside of Node's callback scope: see `onReadable`.
    setImmediate(resolve);
  });
  signal.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    handle.close();
  }
}
