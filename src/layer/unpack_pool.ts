/** Unpacks layers in worker threads. */
import { cancelled, throwIfCancelled } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { LayerWorker } from "./layer_worker.ts";
import { recordPlan } from "./recorder.ts";
import { RecorderThread } from "./recorder_thread.ts";
import type { UnpackedLayer, UnpackJob } from "./types.ts";
import { planOf, type UnpackOptions } from "./unpack_here.ts";
import type { StreamJob } from "./unpack_stream.ts";

export interface UnpackPoolOptions extends UnpackOptions {
  /** Workers at most, and so layers at a time (default 3). They are started when they are needed. */
  readonly size?: number;
  /** Bytes of a blob from which on a second thread records its layer (default 4 MiB). */
  readonly recordApart?: number;
}

/** As many as Docker downloads at a time. */
const defaultSize = 3;
/** Below that, starting the other thread takes as long as it saves. */
const defaultRecordApart = 4 << 20;

/**
 * Runs `UnpackJob`s, one a worker at a time; more wait for their turn in order. The bytes come from `job.open` in the
 * calling thread, which only passes them on. Large layers get a second thread each. Disposing ends all workers; jobs that still run fail with "cancelled".
 */
export class UnpackPool implements AsyncDisposable {
  readonly #options: UnpackOptions;
  readonly #size: number;
  readonly #workers = new Set<LayerWorker>();
  readonly #idle: LayerWorker[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #recordApart: number;
  readonly #recorders = new Set<RecorderThread>();
  readonly #idleRecorders: RecorderThread[] = [];
  #disposed = false;

  constructor(options: UnpackPoolOptions = {}) {
    const { size = defaultSize, recordApart = defaultRecordApart } = options;
    if (!Number.isInteger(size) || size < 1) {
      throw new Failure("invalid", `a pool of ${size} workers cannot unpack anything`);
    }
    this.#size = size;
    this.#recordApart = recordApart;
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
      const plan = await planOf(job, this.#options);
      if (job.blob === undefined || job.blob.size < this.#recordApart) return await worker.run(plan, job);
      return await this.#runApart(worker, plan, job);
    } finally {
      this.#release(worker);
    }
  }

  /** A large layer, in two threads: one unpacks, the other computes the digest and writes the record. */
  async #runApart(worker: LayerWorker, plan: StreamJob, job: UnpackJob): Promise<UnpackedLayer> {
    const recorder = this.#idleRecorders.pop() ?? this.#newRecorder();
    const { port, free } = recorder.start(recordPlan(job.diffId, job.tarSplit));
    try {
      return await worker.run(plan, job, port);
    } finally {
      // A worker that never got the port did not close it.
      port.close();
      await free;
      if (recorder.isDead) this.#recorders.delete(recorder);
      else this.#idleRecorders.push(recorder);
    }
  }

  async #acquire(signal: AbortSignal): Promise<LayerWorker> {
    for (;;) {
      if (this.#disposed) throw new Failure("cancelled", "the unpack pool was closed");
      const idle = this.#idle.pop();
      if (idle !== undefined) return idle;
      if (this.#workers.size < this.#size) return this.#newWorker();
      await this.#turn(signal);
    }
  }

  #newWorker(): LayerWorker {
    const worker = new LayerWorker();
    this.#workers.add(worker);
    return worker;
  }

  #newRecorder(): RecorderThread {
    const recorder = new RecorderThread();
    this.#recorders.add(recorder);
    return recorder;
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
    await Promise.all([...this.#workers, ...this.#recorders].map((thread) => thread.end()));
  }
}
