/** Contents of a client's files, laid down once they were asked for. */
import { randomBytes } from "node:crypto";
import { openSync, renameSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../errors.ts";
import { ContentFile, type Place } from "./content_file.ts";

export class Spool implements Disposable {
  readonly #path: string;
  readonly #mayStay: boolean;
  #opened: ContentFile | "closed" | undefined;
  #end = 0;

  /** @param mayStay else the file has no name, and nothing stays behind, whatever happens */
  constructor(directory: string, mayStay = false) {
    this.#path = join(directory, `client-${randomBytes(8).toString("hex")}`);
    this.#mayStay = mayStay;
  }

  [Symbol.dispose](): void {
    if (this.#opened instanceof ContentFile) this.#opened[Symbol.dispose]();
    this.#opened = "closed";
  }

  /** Bytes of all that was reserved. */
  get size(): number {
    return this.#end;
  }

  /** Room for a file. It takes none on the disk before it is written. */
  reserve(size: number): Place {
    const offset = this.#end;
    this.#end += size;
    return { offset, size };
  }

  write(place: Place, at: number, bytes: Uint8Array): void {
    try {
      this.file.write(place, at, bytes);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOSPC") throw cause;
      throw new Failure("no-space", "the build context does not fit: no space left on device", { cause });
    }
  }

  /** Gives the file of a spool that may stay another name, on the same disk. */
  moveTo(path: string): void {
    // Where all contents are empty nothing has opened it.
    void this.file;
    renameSync(this.#path, path);
  }

  /** Most lists of a build (that of a Dockerfile, say) lead to a file or two, some to none: it is made for the first. */
  get file(): ContentFile {
    if (this.#opened instanceof ContentFile) return this.#opened;
    if (this.#opened === "closed") throw new Failure("internal", "the spooled build context is closed");
    this.#opened = new ContentFile(openSync(this.#path, "wx+", 0o600));
    if (!this.#mayStay) unlinkSync(this.#path);
    return this.#opened;
  }
}
