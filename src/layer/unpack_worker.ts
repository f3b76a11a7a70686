/** A worker thread of `UnpackPool`: unpacks one layer after the other. */
import { parentPort, type MessagePort } from "node:worker_threads";
import { Failure } from "../errors.ts";
import { type FromWorker, fromPlain, type ToWorker, toPlain } from "./unpack_messages.ts";
import { type StreamJob, unpackStream } from "./unpack_stream.ts";

/** The bytes of one blob as messages bring them. */
class Inbox {
  readonly #port: MessagePort;
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #failure: Failure | undefined;
  #wake: (() => void) | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  take(message: Exclude<ToWorker, { type: "job" }>): void {
    if (message.type === "bytes") this.#chunks.push(message.chunk);
    else if (message.type === "end") this.#ended = true;
    else this.#failure = fromPlain(message.failure);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        const { length, buffer } = chunk;
        yield chunk;
        // Back here, the chunk has been used up.
        this.#giveBack({ type: "credit", bytes: length, memory: buffer as ArrayBuffer });
      } else if (this.#ended) return;
      else await this.#more();
    }
  }

  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }

  #giveBack(message: FromWorker & { readonly type: "credit" }): void {
    this.#port.postMessage(message, [message.memory]);
  }
}

async function run(job: StreamJob, inbox: Inbox): Promise<FromWorker> {
  try {
    return { type: "done", layer: await unpackStream(job, inbox) };
  } catch (error) {
    return { type: "failed", failure: toPlain(error) };
  }
}

function serve(port: MessagePort): void {
  let inbox = new Inbox(port);
  port.on("message", (message: ToWorker) => {
    if (message.type !== "job") return inbox.take(message);
    // One job at a time: the pool sends the next one when it has the answer to this one.
    inbox = new Inbox(port);
    void run(message.job, inbox).then((answer) => port.postMessage(answer));
  });
}

if (parentPort === null)
  throw new Failure("internal", "unpack_worker was started outside of a worker thread");
serve(parentPort);
