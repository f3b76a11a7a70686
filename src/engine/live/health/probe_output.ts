/** What a check prints, as far as it is kept. */
import { Writable } from "node:stream";

/** Bytes (moby, daemon/health.go, `maxOutputLen`). */
const kept = 4096;

export class ProbeOutput extends Writable {
  #bytes = Buffer.alloc(0);
  #isCut = false;

  get text(): string {
    return `${this.#bytes.toString("utf8")}${this.#isCut ? "..." : ""}`;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const room = kept - this.#bytes.length;
    if (chunk.length > room) this.#isCut = true;
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, room)]);
    done();
  }
}
