/** Time that passes only when everybody waits: who waits shortest goes next. The same seed gives the same history. */

export type Random = () => number;

/** mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

export class SimulatedTime {
  now: number;
  #order = 0;
  readonly #waiting: Waiting[] = [];

  constructor(now: number) {
    this.now = now;
  }

  /** @param alive what a dead process waits for never comes */
  wait(milliseconds: number, alive: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#push({
        at: this.now + milliseconds,
        order: this.#order++,
        wake: () => (alive() ? resolve() : undefined),
      });
    });
  }

  /** Lets time pass until nobody waits any more, or `done` says so. Returns how many steps were taken. */
  async run(done: () => boolean = () => false): Promise<number> {
    await settled();
    let steps = 0;
    for (let next = this.#pop(); next !== undefined; next = done() ? undefined : this.#pop()) {
      this.now = Math.max(this.now, next.at);
      next.wake();
      steps += 1;
      await settled();
    }
    return steps;
  }

  #push(item: Waiting): void {
    const heap = this.#waiting;
    let at = heap.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(item, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = item;
  }

  #pop(): Waiting | undefined {
    const heap = this.#waiting;
    const [first, last] = [heap[0], heap.pop()];
    if (heap.length === 0 || last === undefined) return first;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const before = (a: Waiting, b: Waiting) => a.at < b.at || (a.at === b.at && a.order < b.order);

/** All promises that can go on without time passing have gone on: Node's ticks come after the last of them. */
const settled = () => new Promise<void>((resolve) => process.nextTick(resolve));
