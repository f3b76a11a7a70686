/** A file that grows in place, as distribution's uploads do. */
import type { Stats } from "node:fs";
import { stat, type FileHandle } from "node:fs/promises";
import { abortable, type ByteSource } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import { storageFailure, unlessMissing } from "./filesystem_errors.ts";
import type { AppendableFile } from "./types.ts";

/** Chunks of a connection are at most 64 KiB; fewer, larger writes cost half the time. */
const batchBytes = 1 << 20;

export interface UploadPlace {
  /** On the machine. */
  readonly absolute: string;
  remove(): Promise<void>;
}

export class FilesystemUpload implements AppendableFile {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #place: UploadPlace;
  readonly #inode: number;
  #size: number;
  #open = true;

  private constructor(file: FileHandle, path: string, place: UploadPlace, stats: Stats) {
    this.#file = file;
    this.#path = path;
    this.#place = place;
    this.#inode = stats.ino;
    this.#size = stats.size;
  }

  /** @param file opened to append; closed by disposal, also when this fails */
  static async on(file: FileHandle, path: string, place: UploadPlace): Promise<FilesystemUpload> {
    try {
      return new FilesystemUpload(file, path, place, await file.stat());
    } catch (error) {
      await file.close();
      throw error;
    }
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
    await this.#place.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#file.close();
  }

  /**
   * Another process may have made a blob of the file, or removed it, while this one waited for bytes. What the name does
   * not lead to any more must not grow.
   */
  async #mustBeHere(): Promise<void> {
    const found = await stat(this.#place.absolute).catch(unlessMissing);
    if (found?.ino === this.#inode) return;
    throw new Failure("not-found", `cannot write ${this.#path}: it was moved or removed meanwhile`);
  }

  async #writeAll(chunks: Uint8Array[]): Promise<void> {
    if (chunks.length > 0) await this.#mustBeHere();
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
