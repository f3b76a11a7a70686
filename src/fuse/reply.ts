/** One message to the kernel, made in memory that is used again: `fuse_out_header` and a body. */
import { largestRead, replyBody, replyHeader } from "./protocol.ts";
import type { Request } from "./request.ts";

/**
 * What a request comes to: how many bytes of body there are, or an errno made negative. Undefined: no answer at all.
 */
export type Outcome = number | undefined;

export class Reply {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly words: Uint32Array;

  constructor() {
    const memory = new ArrayBuffer(replyHeader + largestRead);
    this.bytes = Buffer.from(memory);
    this.words = new Uint32Array(memory);
  }

  /** Sets the 64 bits at word `index` to a whole number, which may be negative. */
  wide(index: number, value: number): void {
    this.words[index] = value;
    this.words[index + 1] = Math.floor(value / 0x1_0000_0000);
  }

  /** Makes the body begin with so many zero bytes. */
  clear(length: number): void {
    this.words.fill(0, replyBody, replyBody + length / 4);
  }

  /** Puts the header before the body. @returns bytes of the whole message */
  finish(request: Request, outcome: number): number {
    const length = replyHeader + Math.max(outcome, 0);
    this.words[0] = length;
    this.words[1] = Math.min(outcome, 0);
    this.words[2] = request.word(2);
    this.words[3] = request.word(3);
    return length;
  }
}
