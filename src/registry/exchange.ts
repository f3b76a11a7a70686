/** One request with its answer, as the handlers see it. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ByteSource } from "../bytes/index.ts";
import { spoilAnswer, spoilUpload, type Fault } from "./faults.ts";
import { RegistryError } from "./registry_error.ts";
import type { RequestRecord } from "./request_log.ts";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly url: URL;
  /** `http://127.0.0.1:5000`, as the client addressed us: for absolute Locations. */
  readonly origin: string;
  readonly record: RequestRecord;
  readonly fault: Fault | undefined;
}

type Headers = Readonly<Record<string, string | number>>;

/** Answers with a short body, or none; HEAD never gets one. */
export async function answer(
  exchange: Exchange,
  status: number,
  headers: Headers = {},
  body: Uint8Array | string = "",
): Promise<void> {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  exchange.response.writeHead(status, { "Content-Length": bytes.length, ...headers });
  if (exchange.method === "HEAD" || bytes.length === 0) exchange.response.end();
  else await answerStream(exchange, one(bytes));
}

/** Streams a body; the head must have been written. Stops quietly when the client goes away. */
export async function answerStream(exchange: Exchange, source: ByteSource): Promise<void> {
  const { response, record } = exchange;
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  for await (const chunk of spoilAnswer(source, exchange.fault)) {
    if (response.destroyed) return;
    record.sent += chunk.length;
    if (!response.write(chunk)) await once(response, "drain", { signal: gone.signal }).catch(() => undefined);
  }
  response.end();
}

/** The request's body, counted. */
export async function* bodyOf(exchange: Exchange): ByteSource {
  for await (const chunk of spoilUpload(exchange.request, exchange.fault)) {
    exchange.record.received += chunk.length;
    yield chunk;
  }
}

/** Reads a request body that must be small. Throws `RegistryError` beyond `limit` bytes. */
export async function readBody(exchange: Exchange, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bodyOf(exchange)) {
    if (exchange.record.received > limit) throw new RegistryError("SIZE_INVALID", [{ limit }]);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* one(bytes: Uint8Array): ByteSource {
  yield bytes;
}
