/** A foreground container's output, on its way to who looks at it: recorded line by line. */
import { Writable } from "node:stream";
import { LineSplitter, type LogWriter, type OutputStream } from "../../runtime/index.ts";

/**
 * Disposing records what stands without a line feed, and closes the log. A log that cannot be written (the disk is full)
 * ends there: the container goes on, and so does its output.
 */
export class LogTee implements Disposable {
  readonly #log: LogWriter | undefined;
  readonly #splitters = new Map<OutputStream, LineSplitter>();

  /** @param log undefined: nothing is kept */
  constructor(log: LogWriter | undefined) {
    this.#log = log;
  }

  /** A stream that passes everything on to `to` and records it under the name of its stream. */
  tee(stream: OutputStream, to: Writable): Writable {
    const splitter = new LineSplitter();
    this.#splitters.set(stream, splitter);
    return new LoggedOutput(to, (chunk) => this.#record(stream, splitter.add(chunk)));
  }

  [Symbol.dispose](): void {
    for (const [stream, splitter] of this.#splitters) this.#record(stream, splitter.flush());
    this.#log?.[Symbol.dispose]();
  }

  #record(stream: OutputStream, lines: readonly Uint8Array[]): void {
    if (lines.length === 0 || this.#log === undefined) return;
    const time = BigInt(Date.now()) * 1_000_000n;
    // A full file is exchanged here.
    this.#log.position();
    this.#log.append(lines.map((bytes) => ({ stream, time, bytes })));
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
  readonly #record: (chunk: Buffer) => void;

  constructor(to: Writable, record: (chunk: Buffer) => void) {
    super({ decodeStrings: true });
    this.#to = to;
    this.#record = record;
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
    this.#record(chunk);
    // A full pipe of the reader holds the container back, as it should.
    if (this.#to.write(chunk)) done();
    else this.#to.once("drain", done);
  }
}
