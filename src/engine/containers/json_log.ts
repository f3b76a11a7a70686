/** Docker's `json-file` log: what the container wrote, line by line (behaviours B154). */
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { goJson } from "../../oci/index.ts";

export interface ContainerLog extends AsyncDisposable {
  /** A stream that passes everything on to `to` and records it under the name of its stream. */
  tee(stream: "stdout" | "stderr", to: Writable): Writable;
}

/** Docker splits longer lines into several records (moby, daemon/logger/copier.go). */
const maxLine = 16 * 1024;

/** Opens (or makes) the log. Disposing writes what stands without line feed, and closes it. */
export async function openLog(path: string): Promise<ContainerLog> {
  const file = createWriteStream(path, { flags: "a", mode: 0o640 });
  await once(file, "open");
  const flushes: (() => void)[] = [];
  return {
    tee(stream, to) {
      const lines = new LineRecorder((log) => {
        file.write(`${goJson({ log, stream, time: goNow() })}\n`);
      });
      flushes.push(() => lines.flush());
      return new LoggedOutput(to, lines);
    },
    async [Symbol.asyncDispose]() {
      for (const flush of flushes) flush();
      file.end();
      await once(file, "close");
    },
  };
}

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Passes on to `to`, whose size as a terminal and whose end it shares. */
class LoggedOutput extends Writable {
  readonly #to: Writable & Terminal;
  readonly #lines: LineRecorder;

  constructor(to: Writable, lines: LineRecorder) {
    super({ decodeStrings: true });
    this.#to = to;
    this.#lines = lines;
    to.on("resize", () => this.emit("resize"));
    // The reader went away: whoever writes here is to know.
    to.once("error", (error) => this.destroy(error));
  }

  get isTTY(): boolean {
    return this.#to.isTTY === true;
  }

  get columns(): number | undefined {
    return this.#to.columns;
  }

  get rows(): number | undefined {
    return this.#to.rows;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#lines.add(chunk);
    // A full pipe of the reader holds the container back, as it should.
    if (this.#to.write(chunk)) done();
    else this.#to.once("drain", done);
  }
}

class LineRecorder {
  readonly #emit: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #pending = "";

  constructor(emit: (line: string) => void) {
    this.#emit = emit;
  }

  add(chunk: Buffer): void {
    this.#pending += this.#decoder.write(chunk);
    for (;;) {
      const feed = this.#pending.indexOf("\n");
      const end = feed >= 0 && feed < maxLine ? feed + 1 : this.#pending.length >= maxLine ? maxLine : 0;
      if (end === 0) return;
      this.#emit(this.#pending.slice(0, end));
      this.#pending = this.#pending.slice(end);
    }
  }

  flush(): void {
    this.#pending += this.#decoder.end();
    if (this.#pending !== "") this.#emit(this.#pending);
    this.#pending = "";
  }
}

function goNow(): string {
  return new Date().toISOString();
}
