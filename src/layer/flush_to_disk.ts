/** Makes what was written survive a crash of the machine. */
import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { syncfs } from "../sys/index.ts";

/**
 * Remembers a directory's file system from the start of a job on, so that an error of writing back in the meantime
 * is seen too (syncfs(2): since the descriptor was opened).
 */
export class Flusher implements Disposable {
  readonly #fd: number;
  readonly #device: number;

  constructor(directory: string) {
    this.#fd = openSync(directory, "r");
    this.#device = statSync(directory).dev;
  }

  /** Flushes the whole file system, which for thousands of small files is cheaper than each; other `files` singly. */
  flush(files: readonly (string | undefined)[]): void {
    syncfs(this.#fd);
    for (const file of files) {
      if (file === undefined || statSync(file).dev === this.#device) continue;
      for (const path of [file, dirname(file)]) {
        const fd = openSync(path, "r");
        try {
          fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
      }
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
