/** A blob on its way: into its partial file as fast as it comes, and out of it as fast as it is unpacked. */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, read, writeSync, writev } from "node:fs";
import { throwIfCancelled, type ByteSource } from "../../bytes/index.ts";
import type { GrowingFile } from "../../layer/index.ts";

/** Bytes that wait for the disk before the source has to wait too. */
const mostQueued = 2 << 20;
/** The begin of a blob is written at once: the way to the thread pool and back takes longer. */
const shortBlob = 512 << 10;
/** Bytes a read. */
const chunkSize = 512 << 10;

/**
 * One partial file with one writer and one reader. The writer never waits for the reader: what lies in a socket when the
 * process is killed has to be sent again, what lies in the file has not (behaviours B120). The reader, here or in another
 * thread, sees the bytes of an earlier attempt first, and then follows the writer; all of it comes from the page cache.
 */
export class Spool implements AsyncDisposable, GrowingFile {
  readonly path: string;
  readonly #file: number;
  readonly #onUsed: (bytes: number) => void;
  /** Bytes in the file. */
  #written: number;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #writing: Promise<void> | undefined;
  #writeFailure: { readonly failure: unknown } | undefined;
  #end: { readonly failure?: unknown } | undefined;
  #changed = Promise.withResolvers<void>();

  /**
   * Opens the file at `path`, made if missing, and goes on after the bytes that it has.
   * @param onUsed told how many more bytes a reader of the file has used
   */
  constructor(path: string, onUsed: (bytes: number) => void = () => undefined) {
    this.path = path;
    this.#onUsed = onUsed;
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#written = fstatSync(this.#file).size;
  }

  /** Bytes in the file so far. */
  get size(): number {
    return this.#written;
  }

  /** Drops all bytes, to begin again. Nobody may be reading or writing. */
  restart(): void {
    ftruncateSync(this.#file, 0);
    this.#written = 0;
    this.#queue = [];
    this.#queued = 0;
    this.#end = undefined;
    this.#writeFailure = undefined;
  }

  /** Appends all bytes of `source`; resolves when they are in the file. A failure reaches the reader as well. */
  async fill(source: ByteSource): Promise<void> {
    try {
      for await (const chunk of source) {
        if (this.#writing === undefined && this.#written < shortBlob) {
          this.#writeNow(chunk);
          continue;
        }
        this.#queue.push(chunk);
        this.#queued += chunk.length;
        this.#writing ??= this.#write();
        if (this.#queued > mostQueued) await this.#writing;
        if (this.#writeFailure !== undefined) break;
      }
    } catch (failure) {
      await this.#writing;
      this.#finish({ failure });
      throw failure;
    }
    await this.#writing;
    this.#finish(this.#writeFailure ?? {});
    if (this.#writeFailure !== undefined) throw this.#writeFailure.failure;
  }

  used(bytes: number): void {
    this.#onUsed(bytes);
  }

  async *sizes(signal: AbortSignal): AsyncGenerator<number, void, undefined> {
    const wake = (): void => this.#wake();
    signal.addEventListener("abort", wake);
    try {
      for (let known = 0; ;) {
        throwIfCancelled(signal);
        const end = this.#end;
        if (this.#written > known) yield (known = this.#written);
        else if (end === undefined) await this.#changed.promise;
        else if ("failure" in end) throw end.failure;
        else return;
      }
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  /** All bytes from the first on; waits for those that have not come yet. Throws what `fill` throws. */
  async *read(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    let position = 0;
    for await (const size of this.sizes(signal)) {
      while (position < size) {
        const chunk = await this.#readAt(position, Math.min(size - position, chunkSize));
        position += chunk.length;
        this.#onUsed(chunk.length);
        yield chunk;
        throwIfCancelled(signal);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    closeSync(this.#file);
  }

  #writeNow(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const done = writeSync(this.#file, chunk, at, chunk.length - at, this.#written);
      at += done;
      this.#written += done;
    }
    this.#wake();
  }

  /** Writes until nothing waits; what comes meanwhile goes with the next call, however many chunks it is. */
  async #write(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const chunks = this.#queue.splice(0);
        await this.#writeAll(chunks);
        this.#queued -= chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        this.#wake();
      }
    } catch (failure) {
      // Nobody may be waiting for this call: `fill` looks for it.
      this.#writeFailure = { failure };
    }
    this.#writing = undefined;
  }

  async #writeAll(chunks: readonly Uint8Array[]): Promise<void> {
    let left = [...chunks];
    while (left.length > 0) {
      let done = await writeParts(this.#file, left, this.#written);
      this.#written += done;
      left = left.flatMap((chunk) => {
        const part = Math.min(done, chunk.length);
        done -= part;
        return part === chunk.length ? [] : [chunk.subarray(part)];
      });
    }
  }

  async #readAt(position: number, length: number): Promise<Uint8Array> {
    // Not from the pool: the chunk may be handed over to another thread, memory and all.
    const buffer = Buffer.allocUnsafeSlow(length);
    const count = await readPart(this.#file, buffer, position);
    if (count === 0) throw new Error(`the partial file was cut at ${position} bytes`);
    return buffer.subarray(0, count);
  }

  #finish(end: { readonly failure?: unknown }): void {
    this.#end = end;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

// Not FileHandle: its promises cost as much again as the calls, and a hundred small blobs are a hundred files.

function writeParts(fd: number, parts: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) =>
    writev(fd, parts, position, (error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

function readPart(fd: number, buffer: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) =>
    read(fd, buffer, 0, buffer.length, position, (error, count) =>
      error === null ? resolve(count) : reject(error),
    ),
  );
}
