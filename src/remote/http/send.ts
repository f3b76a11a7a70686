/**
 * One HTTP exchange over `node:http`: the head of the answer, and its body as a stream that is handed on chunk by
 * chunk as it comes from the connection. No redirects, no authentication, no retries: those are `connection.ts`'s.
 */
import { once } from "node:events";
import { request as httpRequest, type Agent, type ClientRequest, type IncomingHttpHeaders } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { cancelled, type ByteSource } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import { idleCode, NetworkFailure, type NetworkError } from "./network_failure.ts";

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: Uint8Array | ByteSource;
  /** How long to wait for the answer's head, in milliseconds; default: as for any other byte. */
  readonly answerMs?: number;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  /** Where it came from, after redirects. */
  readonly url: URL;
  /** Can be read once. Throws {@link NetworkFailure} if it breaks, `Failure("cancelled")` when cancelled. */
  readonly body: ByteSource;
  /** Lets go of an unread body. */
  discard(): void;
}

export interface SendOptions {
  readonly agent: Agent;
  /** Milliseconds without a byte after which the connection counts as broken. */
  readonly idleMs: number;
}

/** Carries a failure of the request body's own source through the connection's error handling. */
class SourceFailed extends Error {}

/**
 * Sends the request and resolves with the head of the answer.
 * Throws {@link NetworkFailure}, `Failure("cancelled")`, or what the request body's source threw.
 */
export async function send(request: HttpRequest, options: SendOptions): Promise<HttpAnswer> {
  const what = describeRequest(request.method, request.url);
  if (request.signal.aborted) throw cancelled(request.signal);
  const { url, method, headers, signal } = request;
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  const connection = start(url, { method, headers, agent: options.agent, signal });
  const watch = new IdleWatch(options.idleMs, (error) => connection.destroy(error));
  const translate = (error: unknown) => translateError(error, request, what);
  try {
    const answered = once(connection, "response") as Promise<[IncomingMessage]>;
    await Promise.race([answered, writeBody(connection, request.body, answered, watch)]);
    watch.start(request.answerMs);
    const [message] = await answered;
    watch.end();
    return toAnswer(message, url, options.idleMs, translate);
  } catch (error) {
    watch.end();
    // A request that is given up may still emit "error".
    connection.on("error", () => undefined);
    connection.destroy();
    throw translate(error);
  }
}

/** `Get "http://127.0.0.1:5000/v2/"`, as Go's net/http names a request in its errors; never with user or query. */
export function describeRequest(method: string, url: URL): string {
  const name = method.slice(0, 1) + method.slice(1).toLowerCase();
  return `${name} "${url.origin}${url.pathname}"`;
}

/** Writes the body at the pace of the connection; stops early when the server answers before the end. */
async function writeBody(
  connection: ClientRequest,
  body: HttpRequest["body"],
  answered: Promise<[IncomingMessage]>,
  watch: IdleWatch,
): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    connection.end(body);
    return;
  }
  let stop = false;
  const settled = answered.then(
    ([message]) => {
      stop = true;
      // A connection with half a request on it is of no more use once the answer was read.
      message.once("close", () => connection.writableFinished || connection.destroy());
    },
    () => (stop = true),
  );
  for await (const chunk of guarded(body)) {
    if (stop) return;
    if (connection.write(chunk)) continue;
    watch.start();
    await Promise.race([new Promise((resolve) => connection.once("drain", resolve)), settled]);
    watch.stop();
  }
  connection.end();
}

async function* guarded(source: ByteSource): ByteSource {
  try {
    yield* source;
  } catch (error) {
    throw new SourceFailed("the request body's source failed", { cause: error });
  }
}

function toAnswer(
  message: IncomingMessage,
  url: URL,
  idleMs: number,
  translate: (error: unknown) => unknown,
): HttpAnswer {
  // An unread body that breaks must not be an unhandled "error".
  message.on("error", () => undefined);
  return {
    status: message.statusCode ?? 0,
    statusText: message.statusMessage ?? "",
    headers: message.headers,
    url,
    body: readBody(message, idleMs, translate),
    discard: () => discard(message),
  };
}

async function* readBody(
  message: IncomingMessage,
  idleMs: number,
  translate: (error: unknown) => unknown,
): ByteSource {
  const watch = new IdleWatch(idleMs, (error) => message.destroy(error));
  const chunks = message[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      watch.start();
      const { done, value } = await chunks.next();
      watch.stop();
      if (done === true) return;
      yield value;
    }
  } catch (error) {
    throw translate(error);
  } finally {
    watch.end();
    // The consumer may have stopped half way: the rest will not be read, so the connection is of no more use.
    if (!message.complete) message.destroy();
  }
}

/** A short rest is read so that the connection can be used again; a long one costs more than a new connection. */
function discard(message: IncomingMessage): void {
  const length = Number(message.headers["content-length"] ?? Number.NaN);
  if (length <= 1 << 16 || message.complete) message.resume();
  else message.destroy();
}

function translateError(error: unknown, request: HttpRequest, what: string): unknown {
  if (error instanceof SourceFailed) return error.cause;
  if (request.signal.aborted) return cancelled(request.signal);
  if (error instanceof Failure) return error;
  return new NetworkFailure(what, error as NetworkError);
}

/** Runs only while we wait for the peer: a slow consumer is not an idle connection. */
class IdleWatch {
  readonly #milliseconds: number;
  readonly #onIdle: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;
  #waiting = false;

  constructor(milliseconds: number, onIdle: (error: Error) => void) {
    this.#milliseconds = milliseconds;
    this.#onIdle = onIdle;
  }

  start(milliseconds?: number): void {
    if (milliseconds !== undefined) this.end();
    this.#waiting = true;
    if (this.#timer === undefined) this.#set(milliseconds ?? this.#milliseconds);
    else this.#timer.refresh();
  }

  /** The timer goes on, because making one for each chunk costs more than the chunk. */
  stop(): void {
    this.#waiting = false;
  }

  end(): void {
    this.#waiting = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #set(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      if (!this.#waiting) return;
      const error = new Error(`no data for ${milliseconds / 1000} s`);
      this.#onIdle(Object.assign(error, { code: idleCode }));
    }, milliseconds);
    // The connection keeps the process alive, not its watch.
    this.#timer.unref();
  }
}
