/** Work on one thing after the other; on different things at once. */
import { succeeds } from "./within.ts";

export class Turns {
  readonly #last = new Map<string, Promise<boolean>>();

  /** Begins when all that was asked for the same thing before is over, whatever came of it. */
  async take<T>(thing: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(thing) ?? Promise.resolve(true);
    const mine = before.then(work);
    const over = succeeds(mine);
    this.#last.set(thing, over);
    try {
      return await mine;
    } finally {
      if (this.#last.get(thing) === over) this.#last.delete(thing);
    }
  }
}
