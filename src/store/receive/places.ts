/** At most so many at once. */
import { throwIfCancelled } from "../../bytes/index.ts";

/** A fixed number of places, given out in the order of asking. */
export class Places {
  readonly #signal: AbortSignal;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** Who still waits when `signal` aborts fails with its reason. */
  constructor(places: number, signal: AbortSignal) {
    this.#free = Math.max(1, places);
    this.#signal = signal;
  }

  /** Waits for a place; disposing gives it back, once. */
  async take(): Promise<Disposable> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    let held = true;
    const place = {
      [Symbol.dispose]: (): void => {
        if (held) this.#pass();
        held = false;
      },
    };
    try {
      throwIfCancelled(this.#signal);
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
    return place;
  }

  /** Runs `work` in a place. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const place = await this.take();
    try {
      return await work();
    } finally {
      place[Symbol.dispose]();
    }
  }

  /** The place goes straight to the next in line, so nobody can slip in between. */
  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
