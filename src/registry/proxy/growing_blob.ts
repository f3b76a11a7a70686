/**
 * A blob while it comes in: one writer, any number of readers at their own pace. The last bytes stay in memory; who is
 * further behind reads from the file that grows, or, where the storage does not show that, waits for its end. So nobody
 * waits for a slow reader, and nobody costs memory.
 */
import { isFailure } from "../../errors.ts";
import type { ByteSource } from "../../bytes/index.ts";
import type { StorageDriver } from "../storage/types.ts";

/** Bytes in memory. More than a storage gathers before it writes (2 MiB), so that what is not here is there. */
const windowBytes = 4 << 20;

export interface GrowingBlobPlaces {
  readonly storage: StorageDriver;
  /** Where it grows. */
  readonly growing: string;
  /** Where it is when it is whole. */
  readonly whole: string;
}

export class GrowingBlob {
  /** Bytes in the end. */
  readonly size: number;
  readonly #places: GrowingBlobPlaces;
  #window: Uint8Array[] = [];
  /** Position of the window's first byte. */
  #start = 0;
  #received = 0;
  /** The storage does not show what is not whole. */
  #hidden = false;
  #state: "growing" | "whole" | { readonly error: unknown } = "growing";
  #change = Promise.withResolvers<void>();

  constructor(size: number, places: GrowingBlobPlaces) {
    this.size = size;
    this.#places = places;
  }

  /** The chunk must not change afterwards. */
  add(chunk: Uint8Array): void {
    this.#window.push(chunk);
    this.#received += chunk.length;
    while (this.#received - this.#start > windowBytes && this.#window.length > 1) {
      this.#start += (this.#window.shift() as Uint8Array).length;
    }
    this.#changed();
  }

  /** It has been verified and is at its place. */
  end(): void {
    this.#state = "whole";
    this.#changed();
  }

  /** Breaks all readers. */
  fail(error: unknown): void {
    this.#state = { error };
    this.#window = [];
    this.#changed();
  }

  /**
   * All bytes. The last one comes only when the blob has been verified: a client of a bad blob gets a broken answer and
   * never a whole one. Throws what `fail` was given.
   */
  async *read(signal: AbortSignal): ByteSource {
    let position = 0;
    while (position < this.size) {
      const change = this.#change.promise;
      const chunk = this.#at(position);
      if (chunk !== undefined) {
        position += chunk.length;
        yield chunk;
      } else if (position < this.#released && position < this.#start) {
        const before = position;
        for await (const part of this.#behind(position, signal)) {
          position += part.length;
          yield part;
        }
        if (position === before) {
          this.#hidden = true;
          await this.#next(change);
        }
      } else await this.#next(change);
    }
    // An empty blob has no last byte to be held back.
    while (this.#state === "growing") await this.#next(this.#change.promise);
    if (typeof this.#state === "object") throw this.#state.error;
  }

  get #released(): number {
    return this.#state === "whole" ? this.size : Math.min(this.#received, this.size - 1);
  }

  /** Bytes from the position on, out of the window. */
  #at(position: number): Uint8Array | undefined {
    let start = this.#start;
    if (position < start || position >= this.#released) return undefined;
    for (const chunk of this.#window) {
      if (position < start + chunk.length) {
        const end = Math.min(chunk.length, this.#released - start);
        return chunk.subarray(position - start, end);
      }
      start += chunk.length;
    }
    return undefined;
  }

  /** Bytes from the position on, out of the storage; nothing if it does not show them yet. */
  async *#behind(position: number, signal: AbortSignal): ByteSource {
    const { storage, growing, whole } = this.#places;
    const isWhole = this.#state === "whole";
    if (this.#hidden && !isWhole) return;
    const path = isWhole ? whole : growing;
    const there = isWhole ? this.size : ((await storage.stat(path))?.size ?? 0);
    const end = Math.min(there, this.#released);
    if (end <= position) return;
    try {
      yield* storage.open(path, { start: position, end: end - 1 }, signal);
    } catch (error) {
      // It was moved to its place between the look and the first byte.
      if (!isWhole && isFailure(error, "not-found")) return;
      throw error;
    }
  }

  /** Waits unless there is something new since `change` was taken. */
  async #next(change: Promise<void>): Promise<void> {
    if (typeof this.#state === "object") throw this.#state.error;
    await change;
  }

  #changed(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers();
    resolve();
  }
}
