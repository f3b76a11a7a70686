/** The near side of one worker thread. */
import { type MessagePort, Worker } from "node:worker_threads";
import { Failure } from "../errors.ts";
import { Delivery } from "./delivery.ts";
import type { UnpackedLayer, UnpackJob } from "./types.ts";
import type { FromWorker } from "./unpack_messages.ts";
import type { StreamJob } from "./unpack_stream.ts";
import { workerOptions, workerUrl } from "./worker_program.ts";

/** One thread, one job at a time. It does not keep the process alive while it is idle. */
export class LayerWorker {
  readonly #worker: Worker;
  #current: Delivery | undefined;
  #death: Failure | undefined;

  /** @param url of the program; another one than the product's own only in tests */
  constructor(url: URL = workerUrl()) {
    this.#worker = new Worker(url, workerOptions);
    this.#worker.on("message", (message: FromWorker) => this.#current?.hear(message));
    this.#worker.on("error", (error) => this.#die(error));
    this.#worker.on("exit", (code) => this.#die(new Error(`exit code ${code}`)));
    this.#worker.unref();
  }

  get isDead(): boolean {
    return this.#death !== undefined;
  }

  #die(cause: unknown): void {
    const { message } = cause instanceof Error ? cause : new Error(String(cause));
    this.#death ??= new Failure("internal", `the thread that unpacks the layer ended: ${message}`, { cause });
    this.#current?.lose(this.#death);
  }

  /**
   * Does the job and returns when the thread has finished with it, well or not.
   * @param recorder leads to another thread that records the layer
   * @throws the source's own error if that is what ended it
   */
  async run(plan: StreamJob, job: UnpackJob, recorder?: MessagePort): Promise<UnpackedLayer> {
    if (this.#death !== undefined) throw this.#death;
    const delivery = new Delivery((message, transfer = []) => this.#worker.postMessage(message, transfer));
    this.#current = delivery;
    this.#worker.ref();
    try {
      return await delivery.run(plan, job, recorder);
    } finally {
      this.#current = undefined;
      this.#worker.unref();
    }
  }

  /** Ends the thread; a job that it was at fails. */
  async end(): Promise<void> {
    this.#death ??= new Failure("cancelled", "the unpack pool was closed");
    await this.#worker.terminate();
  }
}
