/** Compresses the older files of a log, one after the other, while the log is written and rotated. */
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { rotatedFiles } from "./rotated_files.ts";

export class LogCompressor implements Disposable {
  readonly #path: string;
  readonly #stop = new AbortController();
  #working = false;
  #woken = false;

  constructor(path: string) {
    this.#path = path;
    // Of one that was killed.
    rmSync(this.#beside, { force: true });
  }

  get #beside(): string {
    return `${this.#path}.gz.tmp`;
  }

  /** There may be something to do. What fails stays as it is, and is tried again after the next rotation. */
  wake(): void {
    this.#woken = true;
    if (this.#working || this.#stop.signal.aborted) return;
    this.#working = true;
    this.#work().catch(() => {
      this.#working = false;
      this.#removeBeside();
    });
  }

  /** What is not finished stays plain. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#removeBeside();
  }

  async #work(): Promise<void> {
    while (this.#woken) {
      this.#woken = false;
      for (let next = this.#next(); next !== undefined; next = this.#next()) await this.#compress(next);
    }
    this.#working = false;
  }

  #next(): string | undefined {
    if (this.#stop.signal.aborted) return undefined;
    return rotatedFiles(this.#path).find(({ compressed }) => !compressed)?.path;
  }

  async #compress(path: string): Promise<void> {
    const fd = openSync(path, "r");
    try {
      const { ino } = fstatSync(fd);
      const out = createWriteStream(this.#beside, { mode: 0o640, flush: true });
      const { signal } = this.#stop;
      await pipeline(createReadStream("", { fd, autoClose: false }), createGzip(), out, { signal });
      // It may have got another number meanwhile, or be gone.
      const now = rotatedFiles(this.#path).find(
        (file) => !file.compressed && statSync(file.path).ino === ino,
      );
      if (now === undefined) return this.#removeBeside();
      renameSync(this.#beside, `${now.path}.gz`);
      rmSync(now.path);
    } finally {
      closeSync(fd);
    }
  }

  #removeBeside(): void {
    rmSync(this.#beside, { force: true });
  }
}
