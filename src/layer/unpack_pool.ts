/** Unpacks layers in worker threads. */
import { cancelled, throwIfCancelled } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { LayerWorker } from "./layer_worker.ts";
import type { UnpackedLayer, UnpackJob } from "./types.ts";
import { planOf, type UnpackOptions } from "./unpack_here.ts";

export interface UnpackPoolOptions extends UnpackOptions {
  /** Workers at most, and so layers at a time (default 3). They are started when they are needed. */
  readonly size?: number;
}

/** As many as Docker downloads at a time. */
const defaultSize = 3;

/**
 * Runs `UnpackJob`s, one a worker at a time; more wait for their turn in order. The bytes come from `job.open` in the
 * calling thread, which only passes them on. Disposing ends all workers; jobs that still run fail with "cancelled".
 */
export class UnpackPool implements AsyncDisposable {
  readonly #options: UnpackOptions;
  readonly #size: number;
  readonly #workers = new Set<LayerWorker>();
  readonly #idle: LayerWorker[] = [];
  readonly #waiting: (() => void)[] = [];
  #disposed = false;

  constructor(options: UnpackPoolOptions = {}) {
    const { size = defaultSize } = options;
    if (!Number.isInteger(size) || size < 1) {
      throw new Failure("invalid", `a pool of ${size} workers cannot unpack anything`);
    }
    this.#size = size;
    this.#options = options;
  }

  /**
   * Unpacks one layer. After a failure the target directory is left as it is, for the caller to remove; by then no
   * thread writes into it any more.
   * @throws Failure of all kinds of `unpackStream`; "cancelled" on `job.signal`; "internal" if the worker dies
   */
  async unpack(job: UnpackJob): Promise<UnpackedLayer> {
    throwIfCancelled(job.signal);
    const worker = await this.#acquire(job.signal);
    try {
      throwIfCancelled(job.signal);
      return await worker.run(await planOf(job, this.#options), job);
    } finally {
      this.#release(worker);
    }
  }

  async #acquire(signal: AbortSignal): Promise<LayerWorker> {
    for (;;) {
      if (this.#disposed) throw new Failure("cancelled", "the unpack pool was closed");
      const idle = this.#idle.pop();
      if (idle !== undefined) return idle;
      if (this.#workers.size < this.#size) {
        const worker = new LayerWorker();
        this.#workers.add(worker);
        return worker;
      }
      await this.#turn(signal);
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (): void => {
      const place = this.#waiting.indexOf(resolve);
      if (place >= 0) this.#waiting.splice(place, 1);
      reject(cancelled(signal));
    };
    this.#waiting.push(resolve);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  #release(worker: LayerWorker): void {
    if (worker.isDead) this.#workers.delete(worker);
    else this.#idle.push(worker);
    this.#waiting.shift()?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#workers].map((worker) => worker.end()));
  }
}
