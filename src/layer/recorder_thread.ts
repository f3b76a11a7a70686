/** The near side of a thread that records layers. */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { RecordPlan } from "./recorder.ts";
import type { FromWorker, ToWorker } from "./unpack_messages.ts";
import { workerOptions, workerUrl } from "./worker_program.ts";

/** One layer at a time. It does not keep the process alive while it is idle. */
export class RecorderThread {
  readonly #worker = new Worker(workerUrl(), workerOptions);
  readonly #ended = Promise.withResolvers<void>();
  #free: (() => void) | undefined;
  #isDead = false;

  constructor() {
    this.#worker.on("message", ({ type }: FromWorker) => type === "recorded" && this.#free?.());
    // Who records with it learns of its end by the port, which goes with it.
    this.#worker.on("error", () => undefined);
    this.#worker.on("exit", () => {
      this.#isDead = true;
      this.#ended.resolve();
    });
    this.#worker.unref();
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /**
   * Begins a record.
   * @returns the port for a `RemoteRecorder`, and a promise for when the thread is free again: that one has been closed
   */
  start(plan: RecordPlan): { readonly port: MessagePort; readonly free: Promise<void> } {
    const { port1, port2 } = new MessageChannel();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#free = resolve;
    this.#worker.ref();
    this.#worker.postMessage({ type: "record", plan, port: port1 } satisfies ToWorker, [port1]);
    const free = Promise.race([promise, this.#ended.promise]).then(() => this.#worker.unref());
    return { port: port2, free };
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
