/** Moments by key, of the latest few thousand keys: what is forgotten is only asked or written again. */
const maxKeys = 20_000;

export class RecentTimes {
  /** Set longest ago first. */
  readonly #times = new Map<string, number>();

  get(key: string): number | undefined {
    return this.#times.get(key);
  }

  set(key: string, time: number): void {
    this.#times.delete(key);
    this.#times.set(key, time);
    if (this.#times.size > maxKeys) this.#times.delete(this.#times.keys().next().value as string);
  }
}
