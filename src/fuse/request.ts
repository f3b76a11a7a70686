/** One message from the kernel: `fuse_in_header` and what follows it, read in place. */
import type { ByteString } from "../byte_string.ts";
import { requestHeader } from "./protocol.ts";

/**
 * Room for one request. The kernel refuses to read into less than 8 KiB; names and batches of FORGET are all that is
 * long, as nothing can be written.
 */
const capacity = 64 * 1024;

export class Request {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly words: Uint32Array;

  constructor() {
    const memory = new ArrayBuffer(capacity);
    this.bytes = Buffer.from(memory);
    this.words = new Uint32Array(memory);
  }

  get opcode(): number {
    return this.word(1);
  }

  get node(): number {
    return this.wide(4);
  }

  word(index: number): number {
    return this.words[index] as number;
  }

  wide(index: number): number {
    return this.word(index + 1) * 0x1_0000_0000 + this.word(index);
  }

  /** The name that begins so many bytes after the header; it ends with a NUL. */
  name(offset: number): ByteString {
    const start = requestHeader + offset;
    // Not beyond this message: what follows is left of an earlier one.
    const end = this.bytes.indexOf(0, start);
    return this.bytes.toString("latin1", start, end < 0 ? this.word(0) : Math.min(end, this.word(0)));
  }
}
