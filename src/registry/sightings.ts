/** In which repositories a blob was seen lately: where to look for one that is to be mounted from anywhere. */
import type { Digest } from "../oci/index.ts";

const maxDigests = 10_000;
const maxNames = 8;

/** A hint and never the truth: the link decides, and what was not seen is uploaded again. */
export class Sightings {
  /** Least recently seen first; of each digest the latest name first. */
  readonly #names = new Map<Digest, readonly string[]>();

  saw(digest: Digest, name: string): void {
    const names = this.#names.get(digest) ?? [];
    this.#names.delete(digest);
    this.#names.set(digest, [name, ...names.filter((other) => other !== name)].slice(0, maxNames));
    if (this.#names.size <= maxDigests) return;
    const [oldest] = this.#names.keys();
    this.#names.delete(oldest as Digest);
  }

  of(digest: Digest): readonly string[] {
    return this.#names.get(digest) ?? [];
  }
}
