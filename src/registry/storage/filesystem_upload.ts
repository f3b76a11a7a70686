/** A file that grows in place, as distribution's uploads do. */
import type { FileHandle } from "node:fs/promises";
import { abortable, type ByteSource } from "../../bytes/index.ts";
import { storageFailure } from "./filesystem_errors.ts";
import type { AppendableFile } from "./types.ts";

/** Chunks of a connection are at most 64 KiB; fewer, larger writes cost half the time. */
const batchBytes = 1 << 20;

export class FilesystemUpload implements AppendableFile {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #remove: () => Promise<void>;
  #size: number;
  #open = true;

  constructor(file: FileHandle, path: string, size: number, remove: () => Promise<void>) {
    this.#file = file;
    this.#path = path;
    this.#size = size;
    this.#remove = remove;
  }

  get size(): number {
    return this.#size;
  }

  async append(source: ByteSource, signal: AbortSignal): Promise<number> {
    let batch: Uint8Array[] = [];
    let bytes = 0;
    // One write is under way while the next batch is gathered.
    let writing: Promise<void> = Promise.resolve();
    const flush = async (): Promise<void> => {
      await writing;
      writing = this.#writeAll(batch);
      writing.catch(() => undefined);
      [batch, bytes] = [[], 0];
    };
    try {
      for await (const chunk of abortable(source, signal)) {
        batch.push(chunk);
        bytes += chunk.length;
        if (bytes >= batchBytes) await flush();
      }
    } finally {
      // Also after a failure of the source: the upload goes on from what came.
      await flush().then(() => writing);
      // A hash state or a client's offset may outlive a loss of power only if the bytes do.
      await this.#file.datasync();
    }
    return this.#size;
  }

  async commit(): Promise<void> {
    await this.#file.sync().catch(storageFailure("write", this.#path));
    await this[Symbol.asyncDispose]();
  }

  async cancel(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await this.#remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#file.close();
  }

  async #writeAll(chunks: Uint8Array[]): Promise<void> {
    let rest = chunks;
    while (rest.length > 0) {
      const { bytesWritten } = await this.#file.writev(rest).catch(storageFailure("write", this.#path));
      this.#size += bytesWritten;
      rest = after(rest, bytesWritten);
    }
  }
}

/** What is left of the chunks behind so many bytes: `writev` may write a part. */
function after(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = bytes;
  for (const chunk of chunks) {
    if (skip < chunk.length) rest.push(chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return rest;
}
