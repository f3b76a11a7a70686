/** Counts files and keeps some of their names. */
import type { ByteString } from "../../byte_string.ts";
import type { Amount } from "./types.ts";

const keptExamples = 3;

export class Tally {
  #bytes = 0;
  #files = 0;
  readonly #largest: { readonly path: ByteString; readonly bytes: number }[] = [];

  add(bytes: number, path: ByteString): void {
    this.#bytes += bytes;
    this.#files++;
    if (this.#largest.length === keptExamples && bytes <= (this.#largest.at(-1)?.bytes ?? 0)) return;
    this.#largest.push({ path, bytes });
    this.#largest.sort((a, b) => b.bytes - a.bytes);
    if (this.#largest.length > keptExamples) this.#largest.pop();
  }

  addAll(other: Tally): void {
    this.#bytes += other.#bytes;
    this.#files += other.#files;
  }

  get amount(): Amount {
    return { bytes: this.#bytes, files: this.#files };
  }

  /** With the paths of the largest files. */
  get listed(): Amount & { readonly examples: readonly ByteString[] } {
    return { ...this.amount, examples: this.#largest.map(({ path }) => path) };
  }
}
