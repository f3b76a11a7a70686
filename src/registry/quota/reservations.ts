/** What is promised to pushes that are under way, so that two of them cannot come to more than one may. */
import type { Digest } from "../../oci/index.ts";

export interface Reservation {
  readonly repository: string;
  readonly bytes: number;
  readonly tags: number;
  /** What is about to become part of the repository, once that is known; undefined: some upload. */
  readonly digest: Digest | undefined;
  /** Blobs that the manifest names. */
  readonly names?: readonly Digest[];
  /** Milliseconds since 1970. */
  readonly until: number;
}

export class Reservations {
  readonly #all = new Map<string, Reservation>();

  get(key: string): Reservation | undefined {
    return this.#all.get(key);
  }

  set(key: string, reservation: Reservation): void {
    this.#all.set(key, reservation);
  }

  delete(key: string): void {
    this.#all.delete(key);
  }

  /** Gives back what was held for something that has happened; returns the blobs that it names. */
  fulfil(repository: string, digest: Digest): readonly Digest[] | undefined {
    const done = [...this.#all].filter(
      ([, held]) => held.repository === repository && held.digest === digest,
    );
    for (const [key] of done) this.#all.delete(key);
    return done.find(([, { names }]) => names !== undefined)?.[1].names;
  }

  /** What is held for all but one. @param now what ended before is forgotten */
  sum(except: string, now: number): { readonly bytes: number; readonly tags: number } {
    const sum = { bytes: 0, tags: 0 };
    for (const [key, { bytes, tags, until }] of this.#all) {
      if (until <= now) this.#all.delete(key);
      else if (key !== except) {
        sum.bytes += bytes;
        sum.tags += tags;
      }
    }
    return sum;
  }
}
