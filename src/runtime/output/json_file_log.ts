/** Docker's `json-file` log: one JSON object for each line (behaviours B154). */
import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { goJson } from "../../oci/index.ts";
import type { LogLine, LogWriter } from "./types.ts";

/** Opens (or makes) the log to write on. A log that cannot be written any more takes nothing, and says nothing. */
export class JsonFileLog implements LogWriter {
  readonly #fd: number;
  #size: number;
  #failed = false;

  constructor(path: string) {
    this.#fd = openSync(path, "a", 0o640);
    this.#size = fstatSync(this.#fd).size;
  }

  position(): number {
    return this.#size;
  }

  append(lines: readonly LogLine[]): void {
    if (this.#failed || lines.length === 0) return;
    const bytes = Buffer.from(lines.map(formatLine).join(""));
    try {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(this.#fd, bytes, done);
      }
      this.#size += bytes.length;
    } catch {
      this.#failed = true;
    }
  }

  truncate(position: number): void {
    ftruncateSync(this.#fd, position);
    this.#size = position;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function formatLine({ stream, time, bytes }: LogLine): string {
  return `${goJson({ log: Buffer.from(bytes).toString("utf8"), stream, time: goNanoTime(time) })}\n`;
}

/** RFC 3339 as Go prints it: no zeros at the end of the fraction. */
function goNanoTime(time: bigint): string {
  const second = new Date(Number(time / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = String(time % 1_000_000_000n)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${second}${fraction === "" ? "" : `.${fraction}`}Z`;
}
