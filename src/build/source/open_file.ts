/** A file that is being read while others might write to it. */
import { createHash, hash } from "node:crypto";
import { read } from "node:fs";
import { promisify } from "node:util";
import { throwIfCancelled } from "../../bytes/index.ts";
import type { Failure } from "../../errors.ts";
import * as sys from "../../sys/index.ts";

const chunkSize = 1 << 20;
const readLater = promisify(read);

/** Every way of reading throws what `changed` makes if the file is not the same at the end as it was at the start. */
export class OpenFile implements Disposable {
  /** As it was when it was opened. */
  readonly stat: sys.Stat;
  readonly #fd: number;
  readonly #changed: () => Failure;

  /** Takes the descriptor over. */
  constructor(fd: number, changed: () => Failure) {
    this.#fd = fd;
    this.#changed = changed;
    this.stat = sys.fstat(fd);
  }

  [Symbol.dispose](): void {
    sys.close(this.#fd);
  }

  /** All bytes, each chunk an array of its own. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = this.stat;
    for (let at = 0; at < size;) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - at));
      // Most files are one chunk and in the page cache: quicker than a round through the thread pool.
      const count =
        at === 0
          ? sys.pread(this.#fd, buffer, 0)
          : (await readLater(this.#fd, buffer, 0, buffer.length, at)).bytesRead;
      if (count === 0) throw this.#changed();
      at += count;
      // Nobody gets the last of a file that is not whole.
      if (at === size) this.#check();
      yield count === buffer.length ? buffer : buffer.subarray(0, count);
    }
    if (size === 0) this.#check();
  }

  readWhole(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.stat.size);
    for (let at = 0; at < bytes.length;) {
      const count = sys.pread(this.#fd, bytes.subarray(at), at);
      if (count === 0) throw this.#changed();
      at += count;
    }
    this.#check();
    return bytes;
  }

  /** sha256 of the content, in hex. Throws `Failure("cancelled")`. */
  async digest(signal?: AbortSignal): Promise<string> {
    if (this.stat.size <= chunkSize) return hash("sha256", this.readWhole(), "hex");
    const sum = createHash("sha256");
    for await (const chunk of this.chunks()) {
      if (signal !== undefined) throwIfCancelled(signal);
      sum.update(chunk);
    }
    return sum.digest("hex");
  }

  /** The change time is not compared: another name for the file, or its permission, changes that too. */
  #check(): void {
    const { size, mtime, mtimeNs } = sys.fstat(this.#fd);
    const { stat } = this;
    if (size !== stat.size || mtime !== stat.mtime || mtimeNs !== stat.mtimeNs) throw this.#changed();
  }
}
