/** Contents of a client's files, laid down once they were asked for. */
import { randomBytes } from "node:crypto";
import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Failure } from "../../errors.ts";

const chunkSize = 1 << 20;

/** Bytes from `offset` on are one file's. */
export interface Spooled {
  readonly offset: number;
  readonly size: number;
}

/** A file without a name: nothing stays behind, whatever happens. */
export class Spool implements Disposable {
  readonly #directory: string;
  #opened: number | "closed" | undefined;
  #end = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  [Symbol.dispose](): void {
    if (typeof this.#opened === "number") closeSync(this.#opened);
    this.#opened = "closed";
  }

  /** Room for a file. It takes none on the disk before it is written. */
  reserve(size: number): Spooled {
    const offset = this.#end;
    this.#end += size;
    return { offset, size };
  }

  /** At once: most files are small, and the page cache is quicker than a round through the thread pool. */
  write({ offset }: Spooled, at: number, bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length;)
        done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + at + done);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOSPC") throw cause;
      throw new Failure("no-space", "the build context does not fit: no space left on device", { cause });
    }
  }

  readWhole(place: Spooled): Uint8Array {
    return this.#read(place, 0, place.size);
  }

  async *chunks(place: Spooled): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < place.size; at += chunkSize) {
      // Reading blocks: others get their turn in between.
      if (at > 0) await setImmediate();
      yield this.#read(place, at, Math.min(chunkSize, place.size - at));
    }
  }

  /** Most lists of a build (that of a Dockerfile, say) lead to a file or two, some to none. */
  get #fd(): number {
    if (typeof this.#opened === "number") return this.#opened;
    if (this.#opened === "closed") throw new Failure("internal", "the spooled build context is closed");
    const path = join(this.#directory, `client-${randomBytes(8).toString("hex")}`);
    this.#opened = openSync(path, "wx+", 0o600);
    unlinkSync(path);
    return this.#opened;
  }

  #read({ offset }: Spooled, at: number, length: number): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length;) {
      const count = readSync(this.#fd, bytes, done, length - done, offset + at + done);
      if (count === 0) throw new Failure("internal", "the spooled build context ends too early");
      done += count;
    }
    return bytes;
  }
}
