/**
 * gRPC over HTTP/2 as far as the CRI goes: one message in, one out or several (grpc.io, "gRPC over HTTP2"). No compression,
 * which clients have to be told of before they use it.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { once } from "node:events";
import { Failure, isFailure } from "../../errors.ts";
import type { Decoder, Encoder } from "./message.ts";
import { codes, GrpcError, statusOf, type Status } from "./status.ts";

export interface GrpcCall {
  /** Aborted when the client has gone, or waits no more. */
  readonly signal: AbortSignal;
}

/** Gives its answers to `send`, which settles when there is room for more. */
type Handler = (
  request: Uint8Array,
  call: GrpcCall,
  send: (answer: Uint8Array) => Promise<void>,
) => Promise<void>;

/** By path: `/package.Service/Method`. */
export type Methods = Readonly<Record<string, Handler>>;

/** One answer to one request. */
export function unary<Q, A>(
  request: Decoder<Q>,
  answer: Encoder<A>,
  handle: (request: Q, call: GrpcCall) => Promise<A> | A,
): Handler {
  return async (bytes, call, send) => send(answer.encode(await handle(request.decode(bytes), call)));
}

/** Answers until the client has enough. */
export function streaming<Q, A>(
  request: Decoder<Q>,
  answer: Encoder<A>,
  handle: (request: Q, call: GrpcCall) => AsyncIterable<A>,
): Handler {
  return async (bytes, call, send) => {
    for await (const each of handle(request.decode(bytes), call)) await send(answer.encode(each));
  };
}

/** As much as kubelet takes. */
const mostBytes = 16 << 20;
const headSize = 5;

/** @param onError told of what is no {@link Failure} */
export function createGrpcServer(
  methods: Methods,
  onError: (error: unknown, where: string) => void,
): Http2Server {
  const server = createServer({ settings: { maxConcurrentStreams: 250 } });
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    // A client that goes away is no error; what waits for it hears of its end.
    stream.on("error", () => undefined);
    void serve(stream, headers, methods, onError).catch((error: unknown) => onError(error, pathOf(headers)));
  });
  // Broken connections end their streams.
  server.on("sessionError", () => undefined);
  return server;
}

const pathOf = (headers: IncomingHttpHeaders): string => String(headers[constants.HTTP2_HEADER_PATH]);

async function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  methods: Methods,
  onError: (error: unknown, where: string) => void,
): Promise<void> {
  const path = pathOf(headers);
  const gone = new AbortController();
  stream.once("close", () => gone.abort());
  const answers = new Answers(stream);
  try {
    const handler = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (handler === undefined) throw new GrpcError(codes.unimplemented, `unknown method ${path}`);
    const request = await readMessage(stream);
    await handler(request, { signal: gone.signal }, (answer) => answers.send(answer));
    answers.end({ code: codes.ok, text: "" });
  } catch (error) {
    if (gone.signal.aborted) return;
    if (!isFailure(error) && !(error instanceof GrpcError)) onError(error, path);
    answers.end(statusOf(error));
  }
}

/** @throws Failure for more or less than one message, and for one that is too long */
async function readMessage(stream: ServerHttp2Stream): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBytes + headSize)
      throw new Failure("limit", `the message is longer than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  const all = Buffer.concat(chunks);
  if (all[0] === 1) throw new GrpcError(codes.unimplemented, "compressed messages are not understood");
  if (all.length < headSize || all.readUInt32BE(1) !== all.length - headSize) {
    throw new Failure("invalid", `a request of ${all.length} bytes is not one message`);
  }
  return all.subarray(headSize);
}

class Answers {
  readonly #stream: ServerHttp2Stream;
  #begun = false;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  async send(answer: Uint8Array): Promise<void> {
    if (this.#stream.destroyed) return;
    this.#begin();
    const head = Buffer.alloc(headSize);
    head.writeUInt32BE(answer.length, 1);
    if (this.#stream.write(Buffer.concat([head, answer]))) return;
    await Promise.race([once(this.#stream, "drain"), once(this.#stream, "close")]).catch(() => undefined);
  }

  end(status: Status): void {
    if (this.#stream.destroyed) return;
    const trailers = { "grpc-status": String(status.code), "grpc-message": percentEncoded(status.text) };
    if (!this.#begun) {
      this.#stream.respond({ ...this.#head(), ...trailers }, { endStream: true });
      return;
    }
    this.#stream.once("wantTrailers", () => this.#stream.sendTrailers(trailers));
    this.#stream.end();
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#stream.respond(this.#head(), { waitForTrailers: true });
  }

  #head(): Record<string, string | number> {
    return { ":status": 200, "content-type": "application/grpc+proto" };
  }
}

/** All but printable ASCII, and the percent sign itself. */
function percentEncoded(text: string): string {
  return Buffer.from(text, "utf8")
    .toString("latin1")
    .replace(/[^ -$&-~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`);
}
