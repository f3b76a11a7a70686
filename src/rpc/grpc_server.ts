/** The serving side of gRPC over HTTP/2 (grpc.io, "gRPC over HTTP2"). No compression, no reflection. */
import {
  constants,
  createServer,
  performServerHandshake,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Duplex } from "node:stream";
import { Failure, isFailure } from "../errors.ts";
import { messagesOf, sendFramed } from "./frames.ts";
import type { Decoder, Encoder } from "./message.ts";
import { codes, GrpcError, percentEncoded, statusOf, type Status } from "./status.ts";
import { endWithHalf } from "./end_with_half.ts";

export interface GrpcCall {
  /** Aborted when the client has gone, or waits no more. */
  readonly signal: AbortSignal;
  /** The client's metadata, among what HTTP needs. */
  readonly headers: IncomingHttpHeaders;
}

/** Gives its answers to `send`, which settles when there is room for more. */
type Handler = (
  requests: AsyncIterable<Uint8Array>,
  call: GrpcCall,
  send: (answer: Uint8Array) => Promise<void>,
) => Promise<void>;

/** By path: `/package.Service/Method`. */
export type Methods = Readonly<Record<string, Handler>>;

/** Told of what is no {@link Failure}. */
type OnError = (error: unknown, where: string) => void;

/** One answer to one request. */
export function unary<Q, A>(
  request: Decoder<Q>,
  answer: Encoder<A>,
  handle: (request: Q, call: GrpcCall) => Promise<A> | A,
): Handler {
  return async (requests, call, send) =>
    send(answer.encode(await handle(request.decode(await onlyOne(requests)), call)));
}

/** Answers until the client has enough. */
export function streaming<Q, A>(
  request: Decoder<Q>,
  answer: Encoder<A>,
  handle: (request: Q, call: GrpcCall) => AsyncIterable<A>,
): Handler {
  return async (requests, call, send) => {
    const given = request.decode(await onlyOne(requests));
    for await (const each of handle(given, call)) await send(answer.encode(each));
  };
}

/** Requests and answers as either side likes. */
export function bidirectional<Q, A>(
  request: Decoder<Q>,
  answer: Encoder<A>,
  handle: (requests: AsyncIterable<Q>, call: GrpcCall) => AsyncIterable<A>,
): Handler {
  return async (requests, call, send) => {
    const given = (async function* () {
      for await (const each of requests) yield request.decode(each);
    })();
    for await (const each of handle(given, call)) await send(answer.encode(each));
  };
}

/** As much as kubelet takes. */
const mostBytes = 16 << 20;

const settings = { maxConcurrentStreams: 250 };

export function createGrpcServer(methods: Methods, onError: OnError): Http2Server {
  const server = createServer({ settings });
  // Broken connections end their streams.
  server.on("sessionError", () => undefined);
  server.on("stream", streamHandler(methods, onError));
  return server;
}

/**
 * Serves one connection on which HTTP/2 has been agreed upon already (`Upgrade: h2c`): the client's preface comes next.
 * The session ends with the socket.
 */
export function serveGrpc(socket: Duplex, methods: Methods, onError: OnError): ServerHttp2Session {
  const session = performServerHandshake(socket, { settings });
  endWithHalf(session, socket);
  session.on("error", () => undefined);
  session.on("stream", streamHandler(methods, onError));
  return session;
}

const pathOf = (headers: IncomingHttpHeaders): string => String(headers[constants.HTTP2_HEADER_PATH]);

const streamHandler = (methods: Methods, onError: OnError) => {
  return (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    // A client that goes away is no error; what waits for it hears of its end.
    stream.on("error", () => undefined);
    void serve(stream, headers, methods, onError).catch((error: unknown) => onError(error, pathOf(headers)));
  };
};

async function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  methods: Methods,
  onError: OnError,
): Promise<void> {
  const path = pathOf(headers);
  const gone = new AbortController();
  stream.once("close", () => gone.abort());
  const answers = new Answers(stream);
  try {
    const handler = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (handler === undefined) throw new GrpcError(codes.unimplemented, `unknown method ${path}`);
    const call = { signal: gone.signal, headers };
    await handler(messagesOf(stream, mostBytes), call, (answer) => answers.send(answer));
    answers.end({ code: codes.ok, text: "" });
  } catch (error) {
    if (gone.signal.aborted || stream.destroyed) return;
    if (!isFailure(error) && !(error instanceof GrpcError)) onError(error, path);
    answers.end(statusOf(error));
  }
}

/** @throws Failure("invalid") for more or less than one message */
async function onlyOne(requests: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let only: Uint8Array | undefined;
  for await (const each of requests) {
    if (only !== undefined) throw new Failure("invalid", "the request has more than one message");
    only = each;
  }
  if (only === undefined) throw new Failure("invalid", "the request has no message");
  return only;
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
    await sendFramed(this.#stream, answer);
  }

  end({ code, text, details }: Status): void {
    if (this.#stream.destroyed) return;
    const trailers = {
      "grpc-status": String(code),
      "grpc-message": percentEncoded(text),
      ...(details && { "grpc-status-details-bin": Buffer.from(details).toString("base64") }),
    };
    // What the client may still say is not of interest, but it must not hold up the connection.
    this.#stream.resume();
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
