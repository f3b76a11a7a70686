/** Docker's `json-file` log: what the container wrote, line by line (behaviours B154). */
import { createWriteStream, type WriteStream } from "node:fs";
import { once } from "node:events";
import { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { goJson } from "../../oci/index.ts";
import { goTime } from "../time.ts";

export interface ContainerLog extends AsyncDisposable {
  /** A stream that passes everything on to `to` and records it under the name of its stream. */
  tee(stream: "stdout" | "stderr", to: Writable): Writable;
}

/** Docker splits longer lines into several records (moby, daemon/logger/copier.go). */
const maxLine = 16 * 1024;

/**
 * Opens (or makes) the log. Disposing writes what stands without line feed, and closes it. A log that cannot be written
 * (the disk is full) ends there: the container goes on, and so does its output.
 */
export async function openLog(path: string): Promise<ContainerLog> {
  const file = new LogFile(createWriteStream(path, { flags: "a", mode: 0o640 }));
  await file.opened;
  const flushes: (() => void)[] = [];
  return {
    tee(stream, to) {
      const lines = new LineRecorder((log) => {
        file.write(`${goJson({ log, stream, time: goTime(Date.now()) })}\n`);
      });
      flushes.push(() => lines.flush());
      return new LoggedOutput(to, lines, file);
    },
    async [Symbol.asyncDispose]() {
      for (const flush of flushes) flush();
      await file.close();
    },
  };
}

/** Takes lines until the first failure, and tells when it has too many of them. */
class LogFile {
  readonly #stream: WriteStream;
  readonly #closed: Promise<unknown>;
  readonly opened: Promise<unknown>;
  #failed = false;

  constructor(stream: WriteStream) {
    this.#stream = stream;
    this.opened = once(stream, "open");
    this.#closed = new Promise((resolve) => stream.once("close", resolve));
    stream.on("error", () => (this.#failed = true));
  }

  write(line: string): void {
    if (!this.#failed) this.#stream.write(line);
  }

  /** Calls back when there is room for more. */
  whenReady(done: () => void): void {
    if (this.#failed || !this.#stream.writableNeedDrain) return done();
    const go = (): void => {
      this.#stream.off("drain", go);
      this.#stream.off("close", go);
      done();
    };
    this.#stream.on("drain", go);
    this.#stream.on("close", go);
  }

  async close(): Promise<void> {
    this.#stream.end();
    await this.#closed;
  }
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
  readonly #file: LogFile;

  constructor(to: Writable, lines: LineRecorder, file: LogFile) {
    super({ decodeStrings: true });
    this.#to = to;
    this.#lines = lines;
    this.#file = file;
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
    const logged = (): void => this.#file.whenReady(done);
    // A full pipe of the reader holds the container back, as it should; so does a slow disk.
    if (this.#to.write(chunk)) logged();
    else this.#to.once("drain", logged);
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
