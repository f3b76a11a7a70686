/** Brings one blob to a worker thread, no faster than it uses it, and waits for the answer. */
import type { MessagePort, Transferable } from "node:worker_threads";
import { abortable } from "../bytes/index.ts";
import type { Failure } from "../errors.ts";
import type { GrowingFile, UnpackedLayer, UnpackJob } from "./types.ts";
import { JobProgress, restOf } from "./unpack_here.ts";
import { type FromWorker, fromPlain, type ToWorker, toPlain } from "./unpack_messages.ts";
import type { StreamJob } from "./unpack_stream.ts";

/** Compressed bytes that a worker may have before it has used some up. */
const window = 2 << 20;
/** Small chunks (a socket gives 16 or 64 KiB) travel together; what has waited this long, in ms, goes as it is. */
const batchSize = 512 * 1024;
const patience = 20;

type Send = (message: ToWorker, transfer?: Transferable[]) => void;

export class Delivery {
  readonly #send: Send;
  readonly #answer = Promise.withResolvers<FromWorker>();
  readonly #stop = new AbortController();
  #progress: JobProgress | undefined;
  #file: GrowingFile | undefined;
  #batch: Buffer | undefined;
  #batched = 0;
  /** Memory that the worker is done with. */
  readonly #spare: ArrayBuffer[] = [];
  #timer: NodeJS.Timeout | undefined;
  #inFlight = 0;
  #wake: (() => void) | undefined;
  #sourceFailure: { readonly error: unknown } | undefined;

  constructor(send: Send) {
    this.#send = send;
    // It may be rejected while nobody waits for it yet.
    this.#answer.promise.catch(() => undefined);
  }

  /** A message of the worker. */
  hear(message: FromWorker): void {
    if (message.type === "used") return this.#file?.used(message.bytes);
    if (message.type !== "credit") return this.#answer.resolve(message);
    this.#inFlight -= message.bytes;
    if (message.memory.byteLength === batchSize) this.#spare.push(message.memory);
    this.#progress?.used(message.bytes);
    this.#wake?.();
  }

  /** The worker is gone. */
  lose(failure: Failure): void {
    this.#answer.reject(failure);
  }

  /** @throws the source's own error if that is what ended the job */
  async run(plan: StreamJob, job: UnpackJob, recorder?: MessagePort): Promise<UnpackedLayer> {
    this.#progress = new JobProgress(job, plan.offset);
    this.#file = job.file;
    if (recorder === undefined) this.#send({ type: "job", job: plan });
    else this.#send({ type: "job", job: plan, recorder }, [recorder]);
    const feeding = this.#feed(plan, job).catch((error: unknown) => this.#fail(error));
    try {
      const answer = await this.#answer.promise;
      if (answer.type === "done") return answer.layer;
      if (this.#sourceFailure !== undefined) throw this.#sourceFailure.error;
      throw answer.type === "failed" ? fromPlain(answer.failure) : new Error(`unexpected ${answer.type}`);
    } finally {
      this.#stop.abort();
      this.#wake?.();
      await feeding;
    }
  }

  async #feed(plan: StreamJob, job: UnpackJob): Promise<void> {
    const signal = AbortSignal.any([job.signal, this.#stop.signal]);
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
    if (job.file !== undefined) return this.#follow(job.file, signal);
    for await (const chunk of abortable(restOf(job, plan.offset), signal)) {
      this.#progress?.arrived(chunk.length);
      this.#add(chunk);
      while (this.#inFlight > window && !signal.aborted) await this.#credit();
    }
    this.#flush();
    this.#progress?.complete();
    this.#send({ type: "end" });
  }

  /** The worker reads the file itself: it has to know only how far. */
  async #follow(file: GrowingFile, signal: AbortSignal): Promise<void> {
    for await (const size of file.sizes(signal)) this.#send({ type: "grown", size });
    this.#send({ type: "end" });
  }

  /** Waits until the worker has used some bytes. */
  async #credit(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }

  #fail(error: unknown): void {
    clearTimeout(this.#timer);
    // The worker has answered already: that counts.
    if (this.#stop.signal.aborted) return;
    this.#sourceFailure = { error };
    this.#send({ type: "stop", failure: toPlain(error) });
  }

  #add(chunk: Uint8Array): void {
    if (chunk.length >= batchSize / 2) {
      this.#flush();
      return this.#post(ownsBuffer(chunk) ? chunk : new Uint8Array(chunk));
    }
    if (this.#batched + chunk.length > batchSize) this.#flush();
    this.#batch ??= Buffer.from(this.#spare.pop() ?? new ArrayBuffer(batchSize));
    this.#batch.set(chunk, this.#batched);
    this.#batched += chunk.length;
    this.#timer ??= setTimeout(() => this.#flush(), patience);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#batch === undefined) return;
    const chunk = this.#batch.subarray(0, this.#batched);
    this.#batch = undefined;
    this.#batched = 0;
    this.#post(chunk);
  }

  #post(chunk: Uint8Array): void {
    this.#inFlight += chunk.length;
    this.#send({ type: "bytes", chunk }, [chunk.buffer as ArrayBuffer]);
  }
}

/** Whether the chunk is all of its memory, so that it can be given away. A view of more would take the rest along. */
function ownsBuffer(chunk: Uint8Array): boolean {
  return chunk.byteLength === chunk.buffer.byteLength && chunk.buffer instanceof ArrayBuffer;
}
