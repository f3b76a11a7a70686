/** Work that several want at the same time and that is done once. */
export class SingleFlight {
  readonly #running = new Map<string, Promise<unknown>>();

  /** What `work` gives, or what the one gives that is under way for the key. */
  do<T>(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key) as Promise<T> | undefined;
    if (running !== undefined) return running;
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  /** Resolves when nothing is under way. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }
}
