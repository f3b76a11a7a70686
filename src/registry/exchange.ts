/** One request with its answer, as the handlers see it. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ByteSource } from "../bytes/index.ts";
import type { Identity } from "./access/types.ts";
import { spoilAnswer, spoilUpload, type Fault } from "./faults.ts";
import type { RegistryActor } from "./hooks.ts";
import { RegistryError } from "./registry_error.ts";
import type { RequestRecord } from "./request_log.ts";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** The raw path, as the client sent it: nothing decoded, no `..` resolved. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** `http://127.0.0.1:5000`, as the client addressed us: where its tokens are to be had. */
  readonly origin: string;
  /** What Locations begin with: the origin, or no more than its path where they are to be relative. */
  readonly locationBase: string;
  readonly requestId: string;
  readonly remoteAddress: string | undefined;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
  /** Told of bytes that go out past the methods of `response`. */
  readonly onSent: ((bytes: number) => void) | undefined;
  /** Who asks; anonymous until the access controller has said. */
  identity: Identity;
  /** Both are there in tests only. */
  readonly record: RequestRecord | undefined;
  readonly fault: Fault | undefined;
}

export type Headers = Readonly<Record<string, string | number>>;

/** Who is behind the request, for hooks and policy. */
export function actorOf(exchange: Exchange): RegistryActor {
  const { request, identity, requestId, method, remoteAddress } = exchange;
  const { host = "", "user-agent": userAgent } = request.headers;
  return { identity, requestId, method, remoteAddress, userAgent, host };
}

/** Answers with a short body, or none; HEAD never gets one. */
export async function answer(
  exchange: Exchange,
  status: number,
  headers: Headers = {},
  body: Uint8Array | string = "",
): Promise<void> {
  const { response, method, fault, record } = exchange;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const bodiless = status === 204 || status === 304;
  response.writeHead(status, { ...(!bodiless && { "Content-Length": bytes.length }), ...headers });
  if (method === "HEAD" || bodiless || bytes.length === 0) response.end();
  else if (fault !== undefined) await answerStream(exchange, one(bytes));
  else {
    response.end(bytes);
    if (record !== undefined) record.sent += bytes.length;
  }
}

/**
 * Streams a body; the head must have been written. The source is asked for more only when the connection has taken what
 * came. Returns false when the client went away before the end.
 */
export async function answerStream(exchange: Exchange, source: ByteSource): Promise<boolean> {
  const { response, record, fault, signal } = exchange;
  for await (const chunk of fault === undefined ? source : spoilAnswer(source, fault)) {
    if (response.destroyed) return false;
    if (record !== undefined) record.sent += chunk.length;
    if (!response.write(chunk)) await once(response, "drain", { signal }).catch(() => undefined);
  }
  if (response.destroyed) return false;
  response.end();
  return true;
}

/** The request's body, counted. */
export async function* bodyOf(exchange: Exchange): ByteSource {
  const { request, record, fault } = exchange;
  // A body that is refused half-way must not take the connection along: the refusal has to go out on it.
  const body = request.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
  for await (const chunk of fault === undefined ? body : spoilUpload(body, fault)) {
    if (record !== undefined) record.received += chunk.length;
    yield chunk;
  }
}

/** Bytes of a refused body that are taken before its sender is told that no more is wanted. */
const drainLimit = 16 << 20;
/** Milliseconds after which a sender that has not stopped is cut off. */
const drainTime = 30_000;

/**
 * Answers a request whose body may still be coming, and lets the rest of it run out. All of the answer is sent at once, but
 * it ends after the body: at the end of an answer to a client that wants no other request on the connection (`Connection:
 * close`), Node closes it.
 */
export async function answerEarly(
  exchange: Exchange,
  status: number,
  headers: Headers,
  body: string,
): Promise<void> {
  const { request, response, method, fault, record } = exchange;
  if (request.complete || request.httpVersionMajor >= 2 || method === "HEAD" || fault !== undefined) {
    await answer(exchange, status, headers, body);
    return drain(exchange);
  }
  const bytes = Buffer.from(body);
  response.writeHead(status, { "Content-Length": bytes.length, ...headers });
  response.write(bytes);
  if (record !== undefined) record.sent += bytes.length;
  await drain(exchange);
  response.end();
}

/**
 * Lets the rest of the body, which nobody wants, run out, and resolves when it has. The connection is not closed under a
 * client that sends all before it reads: what comes for a closed one makes the kernel reset it, and the refusal would be
 * lost with it. (So do nginx, `lingering_close`, and Go's net/http.)
 */
export async function drain({ request }: Exchange): Promise<void> {
  if (request.complete || request.destroyed) return;
  let left = drainLimit;
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = setTimeout(() => request.destroy(), drainTime).unref();
  request.once("end", resolve).once("close", resolve);
  request.on("data", (chunk: Uint8Array) => {
    if (left < 0) return;
    left -= chunk.length;
    if (left >= 0) return;
    // Of a session with other requests only this one is stopped.
    if (request.httpVersionMajor >= 2) request.destroy();
    else request.socket.end();
  });
  await promise;
  clearTimeout(stop);
}

/** `Content-Length`; undefined of a body in chunks. */
export function bodyLength(exchange: Exchange): number | undefined {
  const text = exchange.request.headers["content-length"];
  return text === undefined ? undefined : Number(text);
}

/** Reads a request body that must be small. Throws what `tooLarge` makes beyond `limit` bytes. */
export async function readBody(
  exchange: Exchange,
  limit: number,
  tooLarge: () => RegistryError = () => new RegistryError("SIZE_INVALID", [{ limit }]),
): Promise<Buffer> {
  if ((bodyLength(exchange) ?? 0) > limit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyOf(exchange)) {
    size += chunk.length;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* one(bytes: Uint8Array): ByteSource {
  yield bytes;
}
