/** Named pipes between this process and a shim. */
import { Socket } from "node:net";
import { AT_FDCWD, O_NONBLOCK, O_RDONLY, O_RDWR, S_IFIFO, mknodAt, openAt } from "../sys/index.ts";
import { fromText } from "../byte_string.ts";

/** Makes a FIFO that only its owner may use. @throws SysError (EEXIST) */
export function makeFifo(path: string): void {
  mknodAt(AT_FDCWD, fromText(path), S_IFIFO | 0o600);
}

/**
 * Opens the reading end without waiting for a writer. Linux reports no end of file on a FIFO that has had no writer
 * since it was opened (fs/pipe.c, `pipe_poll`), so the stream ends only after the last writer has gone.
 * @throws SysError
 */
export function openFifoReader(path: string): Socket {
  const fd = openAt(AT_FDCWD, fromText(path), O_RDONLY | O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

/**
 * Opens the writing end without waiting for a reader: read-write, because write-only fails with ENXIO until the
 * shim has opened its end (fifo(7)). Destroying the socket closes it, which the reader sees as end of file.
 * @throws SysError
 */
export function openFifoWriter(path: string): Socket {
  const fd = openAt(AT_FDCWD, fromText(path), O_RDWR | O_NONBLOCK);
  return new Socket({ fd, readable: false, writable: true });
}

/**
 * Reads a FIFO and throws away what comes, so that its writers neither wait nor get SIGPIPE; it does not hold up the
 * end of this process. Opened read-write, it never ends by itself.
 * @throws SysError
 */
export function drainFifo(path: string): Disposable {
  const fd = openAt(AT_FDCWD, fromText(path), O_RDWR | O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.resume();
  socket.unref();
  return { [Symbol.dispose]: () => void socket.destroy() };
}
