/** The output of one container: out of its FIFOs, into its log, to all who are attached; each line once, kill or no kill. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { nanoNow } from "../../oci/index.ts";
import { FifoTap } from "./fifo_tap.ts";
import { OutputJournal, outputStreams } from "./journal.ts";
import { LineSplitter } from "./line_splitter.ts";
import type { LogWriter, OutputListener, OutputStream } from "./types.ts";

export interface ContainerOutputOptions {
  /** Where the FIFOs `stdout` and (without a terminal) `stderr` are; the journal is made beside them. */
  readonly bundle: string;
  /** Undefined: nothing is kept (`--log-driver none`). */
  readonly log: LogWriter | undefined;
}

/** A file of the bundle. */
export const outputJournal = "output";

export class ContainerOutput implements Disposable {
  readonly #taps = new Map<OutputStream, FifoTap>();
  readonly #splitters = new Map<OutputStream, LineSplitter>();
  readonly #journal: OutputJournal;
  readonly #log: LogWriter | undefined;
  readonly #listeners = new Set<OutputListener>();
  #ended = false;
  #isLeft = false;

  /** Goes on where an earlier reader was killed. @throws SysError */
  constructor({ bundle, log }: ContainerOutputOptions) {
    this.#log = log;
    this.#journal = new OutputJournal(join(bundle, outputJournal));
    for (const stream of outputStreams) {
      const path = join(bundle, stream);
      if (!existsSync(path)) continue;
      this.#taps.set(stream, new FifoTap(path));
      this.#splitters.set(stream, new LineSplitter(this.#journal.pending(stream)));
    }
    this.#recover();
  }

  /** From the next byte on. */
  listen(listener: OutputListener): Disposable {
    if (this.#ended) listener.end();
    else this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Resolves when the last process that could print has gone and all is logged. */
  async run(): Promise<void> {
    await this.#each((tap, stream) => tap.run(this.#handler(stream)));
  }

  /** Takes what is there by now: of a container that has ended. */
  async drain(): Promise<void> {
    await this.#each((tap, stream) => tap.drain(this.#handler(stream)));
  }

  /** Leaves the FIFOs and the journal to the next reader; {@link run} and {@link drain} then resolve. Once is enough. */
  [Symbol.dispose](): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    for (const tap of this.#taps.values()) tap[Symbol.dispose]();
    this.#journal[Symbol.dispose]();
  }

  async #each(read: (tap: FifoTap, stream: OutputStream) => Promise<void>): Promise<void> {
    await Promise.all([...this.#taps].map(([stream, tap]) => read(tap, stream)));
    // A line without an end is the next reader's, too.
    if (this.#isLeft) return;
    for (const [stream, splitter] of this.#splitters) this.#flush(stream, splitter);
    this.#ended = true;
    for (const listener of this.#listeners) listener.end();
    this.#listeners.clear();
  }

  #handler(stream: OutputStream) {
    const splitter = this.#splitters.get(stream) as LineSplitter;
    return {
      take: (bytes: Uint8Array): Promise<void> | undefined => {
        this.#journal.logging(stream, bytes, this.#log?.position() ?? 0);
        this.#append(stream, splitter.add(bytes));
        this.#journal.logged(splitter.pending);
        return this.#tell(stream, bytes);
      },
      taken: (): void => this.#journal.done(),
    };
  }

  /** A last line without an end; it too is logged once. */
  #flush(stream: OutputStream, splitter: LineSplitter): void {
    const last = splitter.flush();
    if (last.length === 0) return;
    this.#journal.logging(stream, new Uint8Array(), this.#log?.position() ?? 0);
    this.#append(stream, last);
    this.#journal.logged(splitter.pending);
    this.#journal.done();
  }

  #append(stream: OutputStream, lines: readonly Uint8Array[]): void {
    if (lines.length === 0 || this.#log === undefined) return;
    const time = nanoNow();
    this.#log.append(lines.map((bytes) => ({ stream, time, bytes })));
  }

  #tell(stream: OutputStream, bytes: Uint8Array): Promise<void> | undefined {
    if (this.#listeners.size === 0) return undefined;
    const copy = Uint8Array.from(bytes);
    const slow = [...this.#listeners].map((listener) => listener.write(stream, copy)).filter((wait) => wait);
    return slow.length === 0 ? undefined : Promise.all(slow).then(() => undefined);
  }

  #recover(): void {
    const { interrupted } = this.#journal;
    if (interrupted === undefined) return;
    const { phase, stream, length, checksum, position } = interrupted;
    if (phase === "logging") this.#log?.truncate(position);
    else {
      const tap = this.#taps.get(stream);
      const head = tap?.peek(length);
      // Killed before it was taken out; afterwards something else would be there.
      if (head?.length === length && crc32(head) === checksum) tap?.discard(length);
    }
    this.#journal.done();
  }
}
