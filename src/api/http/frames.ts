/** Docker's multiplexed stream: a head of 8 bytes before each piece of output (moby, pkg/stdcopy). */
import { Writable, type WritableOptions } from "node:stream";
import { written } from "../../bytes/index.ts";

export type FrameStream = "stdin" | "stdout" | "stderr" | "systemerr";
const numbers: Readonly<Record<FrameStream, number>> = { stdin: 0, stdout: 1, stderr: 2, systemerr: 3 };

/** Stream byte, three zeros, length in big endian. */
export function frame(stream: FrameStream, bytes: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(8 + bytes.length);
  whole.writeUInt32BE(numbers[stream] * 0x1000000, 0);
  whole.writeUInt32BE(bytes.length, 4);
  whole.set(bytes, 8);
  return whole;
}

/** A stream that puts what it gets on `to` as frames, and shares its backpressure. Its end is not that of `to`. */
export function framed(stream: FrameStream, to: Writable, options: WritableOptions = {}): Writable {
  const out = new Writable({
    ...options,
    write(chunk: Buffer, _encoding, done) {
      const full = written(to, frame(stream, chunk));
      if (full === undefined) done();
      else void full.then(() => done());
    },
  });
  to.once("close", () => out.destroy());
  return out;
}

export const rawStream = "application/vnd.docker.raw-stream";
export const multiplexedStream = "application/vnd.docker.multiplexed-stream";
