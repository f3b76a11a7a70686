/** Docker's multiplexed stream, taken apart (moby, pkg/stdcopy, `StdCopy`). */
import type { Readable, Writable } from "node:stream";
import { written } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";

/** Each piece: stream byte, three zeros, length in big endian, then so many bytes. */
const headLength = 8;

export interface Outputs {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * Copies to the end of `from`, heeding what the outputs can take. Throws `Failure("corrupt")` for what is no frame, and
 * `internal` with the daemon's words for an error that it tells in the stream.
 */
export async function demultiplex(from: Readable, outputs: Outputs): Promise<void> {
  let head = Buffer.alloc(0);
  let left = 0;
  let to: Writable | "error" = outputs.stdout;
  let error = "";
  for await (const chunk of from as AsyncIterable<Buffer>) {
    for (let rest = chunk; rest.length > 0;) {
      if (left === 0) {
        const need = headLength - head.length;
        head = Buffer.concat([head, rest.subarray(0, need)]);
        rest = rest.subarray(need);
        if (head.length < headLength) break;
        to = outputOf(head, outputs);
        left = head.readUInt32BE(4);
        head = Buffer.alloc(0);
        continue;
      }
      const piece = rest.subarray(0, left);
      left -= piece.length;
      rest = rest.subarray(piece.length);
      if (to === "error") error = (error + piece.toString("utf8")).slice(0, longestError);
      else await written(to, piece);
    }
  }
  if (error !== "") throw new Failure("internal", `error from daemon in stream: ${error}`);
}

/** Characters that are kept of an error. */
const longestError = 4096;

function outputOf(head: Buffer, { stdout, stderr }: Outputs): Writable | "error" {
  switch (head[0]) {
    case 0:
    case 1:
      return stdout;
    case 2:
      return stderr;
    case 3:
      return "error";
    default:
      throw new Failure("corrupt", `Unrecognized input header: ${head[0]}`);
  }
}

/** Copies to the end of `from`, as it is. */
export async function copyRaw(from: Readable, to: Writable): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) await written(to, chunk);
}
