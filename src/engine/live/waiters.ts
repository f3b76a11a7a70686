/** Those who want to be told of something that happens to a container, once. */
export class Waiters<T> {
  readonly #sets = new Map<string, Set<(what: T) => void>>();

  /** @returns how to be told no more */
  add(id: string, told: (what: T) => void): () => void {
    const set = this.#sets.get(id) ?? new Set();
    this.#sets.set(id, set.add(told));
    return () => {
      set.delete(told);
      if (set.size === 0 && this.#sets.get(id) === set) this.#sets.delete(id);
    };
  }

  tell(id: string, what: T): void {
    const set = this.#sets.get(id) ?? [];
    this.#sets.delete(id);
    for (const told of set) told(what);
  }
}
