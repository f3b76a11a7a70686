/** A worker thread of `UnpackPool`: unpacks one layer after the other. */
import { parentPort, type MessagePort } from "node:worker_threads";
import type { ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { FollowedFile } from "./followed_file.ts";
import { RemoteRecorder, serveRecorder } from "./remote_recorder.ts";
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

  take(message: Parameters<Take>[0]): void {
    if (message.type === "bytes") this.#chunks.push(message.chunk);
    else if (message.type === "end") this.#ended = true;
    else if (message.type === "stop") this.#failure = fromPlain(message.failure);
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

async function run(job: StreamJob, source: ByteSource, port?: MessagePort): Promise<FromWorker> {
  try {
    const recorder = port && new RemoteRecorder(port);
    return { type: "done", layer: await unpackStream(job, source, recorder) };
  } catch (error) {
    return { type: "failed", failure: toPlain(error) };
  }
}

type Take = (message: Exclude<ToWorker, { type: "job" | "record" }>) => void;

/** Begins a job. @returns what takes the messages that belong to it */
function begin({ job, recorder }: ToWorker & { readonly type: "job" }, port: MessagePort): Take {
  if (job.file !== undefined) return beginFile(job, job.file, port, recorder);
  const inbox = new Inbox(port);
  void run(job, inbox, recorder).then((answer) => port.postMessage(answer));
  return (message) => inbox.take(message);
}

function beginFile(job: StreamJob, path: string, port: MessagePort, recorder?: MessagePort): Take {
  const send = (message: FromWorker): void => port.postMessage(message);
  const file = openFile(path, send);
  if (file === undefined) {
    recorder?.close();
    return () => undefined;
  }
  void run(job, file, recorder).then((answer) => {
    file[Symbol.dispose]();
    send(answer);
  });
  return (message) => {
    if (message.type === "grown") file.grown(message.size);
    else if (message.type === "end") file.end();
    else if (message.type === "stop") file.fail(fromPlain(message.failure));
  };
}

function openFile(path: string, send: (message: FromWorker) => void): FollowedFile | undefined {
  try {
    return new FollowedFile(path, (bytes) => send({ type: "used", bytes }));
  } catch (error) {
    send({ type: "failed", failure: toPlain(error) });
    return undefined;
  }
}

async function record({ plan, port: from }: ToWorker & { readonly type: "record" }, port: MessagePort) {
  await serveRecorder(plan, from);
  port.postMessage({ type: "recorded" } satisfies FromWorker);
}

function serve(port: MessagePort): void {
  let take: Take = () => undefined;
  port.on("message", (message: ToWorker) => {
    // One job at a time: the pool sends the next one when it has the answer to this one.
    if (message.type === "job") take = begin(message, port);
    else if (message.type === "record") void record(message, port);
    else take(message);
  });
}

if (parentPort === null)
  throw new Failure("internal", "unpack_worker was started outside of a worker thread");
serve(parentPort);
