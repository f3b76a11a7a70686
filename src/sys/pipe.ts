/** Pipes, and looking at what is in one without taking it (`pipe(2)`, `tee(2)`). */
import { declareCalls, errno } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls({
  pipe2: ["int", "void *", "int"],
  tee: ["intptr_t", "int", "int", "size_t", "unsigned int"],
});

const EINTR = 4;
const EAGAIN = 11;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const SPLICE_F_NONBLOCK = 2;

/** A pipe of this process alone: neither end waits, and neither goes on to programs that are started. */
export interface Pipe {
  readonly reader: number;
  readonly writer: number;
}

/** @throws SysError */
export function makePipe(): Pipe {
  const ends = new Int32Array(2);
  if (calls().pipe2(new Uint8Array(ends.buffer), O_NONBLOCK | O_CLOEXEC) < 0) {
    throw new SysError(errno(), "pipe2");
  }
  return { reader: ends[0] as number, writer: ends[1] as number };
}

/**
 * Copies up to `length` bytes from the head of the pipe `from` to the pipe `to`; they stay in `from`.
 * @returns bytes copied, 0 when `from` is empty and nobody can write to it any more, undefined when it is empty for now
 * @throws SysError
 */
export function tee(from: number, to: number, length: number): number | undefined {
  for (;;) {
    const count = calls().tee(from, to, length, SPLICE_F_NONBLOCK);
    if (count >= 0) return count;
    const code = errno();
    if (code === EAGAIN) return undefined;
    if (code !== EINTR) throw new SysError(code, "tee");
  }
}
