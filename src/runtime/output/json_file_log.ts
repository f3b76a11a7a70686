/** Docker's `json-file` log: one JSON object for each line (behaviours B154). */
import { goJson, goNanoTime } from "../../oci/index.ts";
import type { Rotation } from "./log_options.ts";
import { RotatingFile } from "./rotating_file.ts";
import type { LogLine, LogWriter } from "./types.ts";

export interface JsonFileOptions {
  readonly rotation?: Rotation;
  /** What stands in each line as `attrs`: labels, variables, the tag. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export class JsonFileLog implements LogWriter {
  readonly #file: RotatingFile;
  /** In Go's spelling; undefined: none. */
  readonly #attributes: Readonly<Record<string, string>> | undefined;

  /** Opens (or makes) the log to write on. */
  constructor(path: string, { rotation, attributes = {} }: JsonFileOptions = {}) {
    this.#file = new RotatingFile(path, rotation);
    const names = Object.keys(attributes).sort();
    if (names.length > 0) {
      this.#attributes = Object.fromEntries(names.map((name) => [name, attributes[name] as string]));
    }
  }

  position(): number {
    return this.#file.position();
  }

  append(lines: readonly LogLine[]): void {
    const attrs = this.#attributes;
    this.#file.append(Buffer.from(lines.map((line) => formatLine(line, attrs)).join("")));
  }

  truncate(position: number): void {
    this.#file.truncate(position);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

function formatLine({ stream, time, bytes }: LogLine, attrs: object | undefined): string {
  return `${goJson({ log: Buffer.from(bytes).toString("utf8"), stream, attrs, time: goNanoTime(time) })}\n`;
}
