/** Contents of many files in one, read and written by where they lie. */
import { closeSync, readSync, writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { Failure } from "../../errors.ts";

const chunkSize = 1 << 20;

/** Bytes from `offset` on are one file's. */
export interface Place {
  readonly offset: number;
  readonly size: number;
}

export class ContentFile implements Disposable {
  readonly #fd: number;

  /** @param fd ends with it */
  constructor(fd: number) {
    this.#fd = fd;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** At once: most files are small, and the page cache is quicker than a round through the thread pool. */
  write({ offset }: Place, at: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;)
      done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + at + done);
  }

  readWhole(place: Place): Uint8Array {
    return this.#read(place, 0, place.size);
  }

  /** @throws Failure("internal") where the file is shorter */
  async *chunks(place: Place): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < place.size; at += chunkSize) {
      // Reading blocks: others get their turn in between.
      if (at > 0) await setImmediate();
      yield this.#read(place, at, Math.min(chunkSize, place.size - at));
    }
  }

  #read({ offset }: Place, at: number, length: number): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length;) {
      const count = readSync(this.#fd, bytes, done, length - done, offset + at + done);
      if (count === 0) throw new Failure("internal", "a kept part of the build context ends too early");
      done += count;
    }
    return bytes;
  }
}
