/** Takes a blob's compressed bytes: counts, hashes and keeps them. */
import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync } from "node:fs";
import { createHash, type Hash } from "node:crypto";
import { type ByteSource, fromFile } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { algorithmOf, type BlobDigest } from "../oci/index.ts";

export interface BlobIntakeOptions {
  readonly blob?: { readonly digest: BlobDigest; readonly size: number };
  /** File that has the first `offset` bytes and gets the others. */
  readonly partial?: string;
  readonly offset: number;
}

/** One pass over a blob. The bytes on disk from an earlier attempt go the same way as those that arrive. */
export class BlobIntake implements Disposable {
  readonly #options: BlobIntakeOptions;
  readonly #algorithm: "sha256" | "sha512";
  #hash: Hash | undefined;
  #fd: number | undefined;
  #size = 0;

  /** @throws whatever opening the partial file throws */
  constructor(options: BlobIntakeOptions) {
    this.#options = options;
    this.#algorithm = options.blob === undefined ? "sha256" : algorithmOf(options.blob.digest);
    this.#hash = createHash(this.#algorithm);
    if (options.partial === undefined) return;
    this.#fd = openSync(options.partial, "a", 0o644);
    // Longer than what was announced to the caller: another writer, or a size that was never right.
    ftruncateSync(this.#fd, options.offset);
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** The bytes kept before, then `source`'s, each counted, hashed and (if new) kept before it is handed on. */
  async *through(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
    const { partial, offset } = this.#options;
    if (partial !== undefined && offset > 0) {
      for await (const chunk of fromFile(partial, { length: offset })) yield this.#take(chunk);
    }
    for await (const chunk of source) {
      this.#take(chunk);
      this.#keep(chunk);
      yield chunk;
    }
  }

  #take(chunk: Uint8Array): Uint8Array {
    const { blob } = this.#options;
    this.#size += chunk.length;
    if (blob !== undefined && this.#size > blob.size) {
      throw new Failure("corrupt", `layer ${blob.digest} is longer than the ${blob.size} bytes announced`);
    }
    this.#hash?.update(chunk);
    return chunk;
  }

  #keep(chunk: Uint8Array): void {
    if (this.#fd === undefined) return;
    for (let at = 0; at < chunk.length;) at += writeSync(this.#fd, chunk, at);
  }

  /** Says that the blob is a plain tar. Where nothing is expected of it, its digest is the diff ID: no second hash. */
  isPlain(): void {
    if (this.#options.blob === undefined) this.#hash = undefined;
  }

  /** @throws Failure("corrupt") with Docker's text if the bytes are not what was asked for */
  finish(diffId: () => string): { readonly digest: BlobDigest; readonly size: number } {
    const { blob } = this.#options;
    const digest = (
      this.#hash === undefined ? diffId() : `${this.#algorithm}:${this.#hash.digest("hex")}`
    ) as BlobDigest;
    const size = this.#size;
    if (blob === undefined || (blob.digest === digest && blob.size === size)) return { digest, size };
    const hint =
      size === blob.size ? `The bytes hash to ${digest}.` : `Only ${size} of ${blob.size} bytes arrived.`;
    throw new Failure("corrupt", `filesystem layer verification failed for digest ${blob.digest}`, { hint });
  }

  /** Removes the kept file: nothing can be resumed from it. */
  discard(): void {
    if (this.#options.partial === undefined || this.#fd === undefined) return;
    this[Symbol.dispose]();
    unlinkSync(this.#options.partial);
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }
}
