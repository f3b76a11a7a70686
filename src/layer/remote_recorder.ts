/** A recorder in another thread, from the side of the thread that unpacks; and that other side. */
import type { MessagePort } from "node:worker_threads";
import { Failure } from "../errors.ts";
import type { DiffId } from "../oci/index.ts";
import { type Recorder, type RecordPlan, TarRecorder } from "./recorder.ts";
import { fromPlain, type PlainFailure, toPlain } from "./unpack_messages.ts";

type ToRecorder =
  | { readonly type: "bytes"; readonly memory: ArrayBuffer; readonly length: number }
  | { readonly type: "end" };

type FromRecorder =
  /** Memory comes back, to be filled again. */
  | { readonly type: "used"; readonly memory: ArrayBuffer }
  | { readonly type: "done"; readonly diffId: DiffId }
  | { readonly type: "failed"; readonly failure: PlainFailure };

/** Bytes of most pieces. */
const pieceSize = 512 * 1024;
/** Pieces that may be on their way. */
const window = 6;

export class RemoteRecorder implements Recorder {
  readonly #port: MessagePort;
  readonly #spare: ArrayBuffer[] = [];
  readonly #answer = Promise.withResolvers<DiffId>();
  #failure: { readonly error: unknown } | undefined;
  #onTheWay = 0;
  #wake: (() => void) | undefined;

  /** @param port to {@link serveRecorder} */
  constructor(port: MessagePort) {
    this.#port = port;
    // It may be rejected while nobody waits for it.
    this.#answer.promise.catch(() => undefined);
    port.on("message", (message: FromRecorder) => this.#hear(message));
    port.on("close", () => this.#fail(new Failure("internal", "the thread that records the layer ended")));
  }

  write(plain: Uint8Array): void {
    const known = plain.length <= pieceSize ? this.#spare.pop() : undefined;
    const memory = known ?? new ArrayBuffer(Math.max(plain.length, pieceSize));
    new Uint8Array(memory).set(plain);
    this.#onTheWay++;
    this.#send({ type: "bytes", memory, length: plain.length });
  }

  drain(): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#onTheWay < window ? undefined : this.#returned();
  }

  async #returned(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async finish(): Promise<DiffId> {
    this.#send({ type: "end" });
    return this.#answer.promise;
  }

  close(): void {
    this.#port.close();
  }

  #send(message: ToRecorder): void {
    this.#port.postMessage(message, message.type === "bytes" ? [message.memory] : []);
  }

  #hear(message: FromRecorder): void {
    if (message.type === "done") return this.#answer.resolve(message.diffId);
    if (message.type === "failed") return this.#fail(fromPlain(message.failure));
    this.#onTheWay--;
    if (message.memory.byteLength === pieceSize) this.#spare.push(message.memory);
    this.#wake?.();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#answer.reject(this.#failure.error);
    this.#wake?.();
  }
}

/** Records what comes through `port`; resolves when all is done, or the other side has closed it. Never rejects. */
export async function serveRecorder(plan: RecordPlan, port: MessagePort): Promise<void> {
  const inbox = new RecorderInbox(port);
  let recorder: TarRecorder | undefined;
  try {
    recorder = new TarRecorder(plan);
    for await (const { memory, length } of inbox) {
      recorder.write(new Uint8Array(memory, 0, length));
      port.postMessage({ type: "used", memory } satisfies FromRecorder, [memory]);
      await recorder.drain();
    }
    if (!inbox.isClosed) {
      const diffId = await recorder.finish();
      port.postMessage({ type: "done", diffId } satisfies FromRecorder);
    }
  } catch (error) {
    port.postMessage({ type: "failed", failure: toPlain(error) } satisfies FromRecorder);
  } finally {
    recorder?.close();
  }
  await inbox.closed;
}

/** Pieces in order, until the end is told or the port is closed. */
class RecorderInbox {
  readonly closed: Promise<void>;
  readonly #waiting: ToRecorder[] = [];
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(port: MessagePort) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    port.on("message", (message: ToRecorder) => {
      this.#waiting.push(message);
      this.#wake?.();
    });
    port.on("close", () => {
      this.#isClosed = true;
      this.#wake?.();
      resolve();
    });
  }

  /** Whether the other side has given up, or is gone. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ToRecorder & { readonly type: "bytes" }, void, undefined> {
    while (!this.#isClosed) {
      const message = this.#waiting.shift();
      if (message === undefined) await this.#more();
      else if (message.type === "end") return;
      else yield message;
    }
  }

  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}
