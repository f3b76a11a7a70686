/**
 * The digest of an upload while it grows. node:crypto hashes, but cannot be put aside; so of small uploads a state that
 * can is kept beside, for another instance, another server, another day (behaviours B161).
 */
import { createHash, type Hash } from "node:crypto";
import type { ByteSource } from "../bytes/index.ts";
import type { Algorithm } from "../oci/index.ts";
import { Sha256 } from "./sha256.ts";

/** Bytes. Up to here the portable state costs 10 ms at most; beyond, reading again is the cheaper way. */
const portableLimit = 1 << 20;

export class UploadHash {
  readonly algorithm: Algorithm;
  readonly #hash: Hash;
  #size = 0;
  #portable: Sha256 | undefined = new Sha256();
  #waiting: Uint8Array[] = [];

  constructor(algorithm: Algorithm) {
    this.algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  /** Bytes hashed. */
  get size(): number {
    return this.#size;
  }

  /** Passes the bytes on and hashes them. */
  async *through(source: ByteSource): ByteSource {
    for await (const chunk of source) {
      this.#hash.update(chunk);
      this.#size += chunk.length;
      if (this.#size > portableLimit) [this.#portable, this.#waiting] = [undefined, []];
      else if (this.#portable !== undefined) this.#waiting.push(chunk);
      yield chunk;
    }
  }

  /** The state after all bytes, if it is cheap to have. */
  state(): Uint8Array | undefined {
    for (const chunk of this.#waiting) this.#portable?.update(chunk);
    this.#waiting = [];
    return this.#portable?.state();
  }

  /** Ends this object. */
  hex(): string {
    return this.#hash.digest("hex");
  }
}
