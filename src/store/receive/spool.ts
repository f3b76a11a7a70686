/** A blob on its way: into its partial file as fast as it comes, and out of it as fast as it is unpacked. */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { throwIfCancelled, type ByteSource } from "../../bytes/index.ts";

/** Bytes that wait for the disk before the source has to wait too. */
const mostQueued = 2 << 20;
/** Bytes a read. */
const chunkSize = 512 << 10;

/**
 * One partial file with one writer and one reader. The writer never waits for the reader: what lies in a socket when the
 * process is killed has to be sent again, what lies in the file has not (behaviours B120). The reader sees the bytes of
 * an earlier attempt first, and then follows the writer; all of it comes from the page cache.
 */
export class Spool implements AsyncDisposable {
  readonly #file: FileHandle;
  /** Bytes in the file. */
  #written: number;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #writing: Promise<void> | undefined;
  #writeFailure: { readonly failure: unknown } | undefined;
  #end: { readonly failure?: unknown } | undefined;
  #changed = Promise.withResolvers<void>();

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#written = size;
  }

  /** Opens the file at `path`, made if missing, and goes on after the bytes that it has. */
  static async open(path: string): Promise<Spool> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    return new Spool(file, (await file.stat()).size);
  }

  /** Bytes in the file so far. */
  get size(): number {
    return this.#written;
  }

  /** Drops all bytes, to begin again. Nobody may be reading or writing. */
  async restart(): Promise<void> {
    await this.#file.truncate(0);
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

  /** All bytes from the first on; waits for those that have not come yet. Throws what `fill` throws. */
  async *read(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const wake = (): void => this.#wake();
    signal.addEventListener("abort", wake);
    try {
      for (let position = 0; ;) {
        throwIfCancelled(signal);
        const length = Math.min(this.#written - position, chunkSize);
        if (length > 0) {
          const chunk = await this.#readAt(position, length);
          position += chunk.length;
          yield chunk;
        } else if (this.#end === undefined) {
          await this.#changed.promise;
        } else if ("failure" in this.#end) {
          throw this.#end.failure;
        } else return;
      }
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
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
      let { bytesWritten } = await this.#file.writev(left, this.#written);
      this.#written += bytesWritten;
      left = left.flatMap((chunk) => {
        const done = Math.min(bytesWritten, chunk.length);
        bytesWritten -= done;
        return done === chunk.length ? [] : [chunk.subarray(done)];
      });
    }
  }

  async #readAt(position: number, length: number): Promise<Uint8Array> {
    // Not from the pool: the chunk may be handed over to another thread, memory and all.
    const buffer = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await this.#file.read(buffer, 0, length, position);
    if (bytesRead === 0) throw new Error(`the partial file was cut at ${position} bytes`);
    return buffer.subarray(0, bytesRead);
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
