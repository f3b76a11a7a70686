/** Bytes and inodes of containers' writable layers. kubelet asks every ten seconds, and each answer is a walk through their files. */
import type { Daemon } from "../../engine/index.ts";

/** Milliseconds for which an answer is good, as in containerd (`stats_collect_period`). */
const lifetime = 10_000;

interface Measured {
  readonly until: number;
  readonly size: Promise<WritableSize>;
}

export interface WritableSize {
  readonly bytes: number;
  readonly inodes: number;
}

export class WritableSizes {
  readonly #daemon: Daemon;
  readonly #known = new Map<string, Measured>();

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  /** @throws Failure("not-found") */
  async of(id: string): Promise<WritableSize> {
    const now = performance.now();
    for (const [each, { until }] of this.#known) if (until < now) this.#known.delete(each);
    const known = this.#known.get(id);
    if (known !== undefined) return known.size;
    const size = this.#measure(id);
    this.#known.set(id, { until: now + lifetime, size });
    size.catch(() => this.#known.delete(id));
    return size;
  }

  async #measure(id: string): Promise<WritableSize> {
    return this.#daemon.engine.containers.writable(id);
  }
}
