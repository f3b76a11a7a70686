/** The asking side of gRPC over HTTP/2, on a connection that is there already (grpc.io, "gRPC over HTTP2"). */
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import { cancelled, throwIfCancelled } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { messagesOf, sendFramed } from "./frames.ts";
import type { Decoder, Encoder } from "./message.ts";
import { codes, GrpcError, percentDecoded } from "./status.ts";
import { endWithHalf } from "./end_with_half.ts";

export interface CallOptions {
  /** Keys in small letters. */
  readonly metadata?: Readonly<Record<string, string | readonly string[]>>;
  /** Of one message that comes (default 16 MiB). */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** Iterating gives the answers and throws what {@link GrpcClient.open} says. Disposal is an abort where it is not at its end. */
export interface GrpcStream<Q, A> extends AsyncIterable<A>, Disposable {
  /** Settles when there is room for more; also when the peer has ended the call, which the answers tell. */
  send(request: Q): Promise<void>;
  /** Nothing more will be sent. */
  end(): void;
}

/** Larger than HTTP/2's 64 KiB, with which every 64 KiB of a large file would wait for the one who reads it. */
const windowSize = 1 << 20;

export class GrpcClient implements Disposable {
  readonly #session: ClientHttp2Session;
  /** Aborted when the connection has ended. */
  readonly closed: AbortSignal;
  /** Settles when the peer has begun to serve, or has gone. */
  readonly begun: Promise<void>;

  /** @param socket on which HTTP/2 has been agreed upon; it ends with the client */
  constructor(socket: Duplex) {
    const closed = new AbortController();
    this.closed = closed.signal;
    this.#session = connect("http://localhost", {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: windowSize },
    });
    this.#session.on("connect", (session) => session.destroyed || session.setLocalWindowSize(4 * windowSize));
    endWithHalf(this.#session, socket);
    // Its calls tell of it.
    this.#session.on("error", () => undefined);
    this.#session.once("close", () => closed.abort());
    this.begun = new Promise((resolve) => {
      this.#session.once("remoteSettings", () => resolve());
      this.#session.once("close", resolve);
    });
  }

  /** One answer to one request. @throws what {@link open} says */
  async call<Q, A>(
    path: string,
    request: Encoder<Q>,
    answer: Decoder<A>,
    given: Q,
    options: CallOptions = {},
  ): Promise<A> {
    using stream = this.open(path, request, answer, options);
    await stream.send(given);
    stream.end();
    let only: A | undefined;
    for await (const each of stream) only ??= each;
    if (only === undefined) throw new GrpcError(codes.internal, `no answer to ${path}`);
    return only;
  }

  /**
   * @param path `/package.Service/Method`
   * @throws GrpcError (from the answers) with what the peer says is wrong; Failure("cancelled"); Failure("unavailable")
   *   where the connection has ended; Failure("limit"), Failure("corrupt") and Failure("invalid") for an answer that is
   *   too long or no message
   */
  open<Q, A>(
    path: string,
    request: Encoder<Q>,
    answer: Decoder<A>,
    options: CallOptions = {},
  ): GrpcStream<Q, A> {
    const { metadata = {}, maxBytes = 16 << 20, signal } = options;
    throwIfCancelled(signal);
    if (this.#session.destroyed || this.#session.closed) throw ended(path);
    const stream = this.#session.request({
      ...(metadata as OutgoingHttpHeaders),
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    return new ClientStream(path, stream, { request, answer, maxBytes, signal });
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

interface Of<Q, A> {
  readonly request: Encoder<Q>;
  readonly answer: Decoder<A>;
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

class ClientStream<Q, A> implements GrpcStream<Q, A> {
  readonly #path: string;
  readonly #stream: ClientHttp2Stream;
  readonly #of: Of<Q, A>;
  #status: IncomingHttpHeaders = {};

  constructor(path: string, stream: ClientHttp2Stream, of: Of<Q, A>) {
    this.#path = path;
    this.#stream = stream;
    this.#of = of;
    const tell = (headers: IncomingHttpHeaders) => {
      if ("grpc-status" in headers || ":status" in headers) this.#status = { ...this.#status, ...headers };
    };
    stream.on("response", tell);
    stream.on("trailers", tell);
    // The answers tell of it.
    stream.on("error", () => undefined);
    const abort = () => this[Symbol.dispose]();
    of.signal?.addEventListener("abort", abort, { once: true });
    stream.once("close", () => of.signal?.removeEventListener("abort", abort));
  }

  send(request: Q): Promise<void> {
    return sendFramed(this.#stream, this.#of.request.encode(request));
  }

  end(): void {
    this.#stream.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<A, void> {
    const { answer, maxBytes, signal } = this.#of;
    try {
      for await (const each of messagesOf(this.#stream, maxBytes)) {
        throwIfCancelled(signal);
        yield answer.decode(each);
      }
    } catch (error) {
      throwIfCancelled(signal);
      if (error instanceof Failure || error instanceof GrpcError) throw error;
      throw this.#failed(error) ?? ended(this.#path, error);
    }
    throwIfCancelled(signal);
    const failed = this.#failed();
    if (failed !== undefined) throw failed;
  }

  /** Undefined: all is well, or the peer has not said. */
  #failed(cause?: unknown): Error | undefined {
    const { "grpc-status": code, "grpc-message": text = "", ":status": status } = this.#status;
    if (code !== undefined) {
      if (Number(code) === codes.ok) return undefined;
      const encoded = this.#status["grpc-status-details-bin"];
      const details = encoded === undefined ? undefined : Buffer.from(String(encoded), "base64");
      return new GrpcError(Number(code), percentDecoded(String(text)), { details });
    }
    if (status !== undefined && Number(status) !== 200)
      return new GrpcError(codes.unknown, `${this.#path}: the peer answers with HTTP status ${status}`);
    return cause === undefined ? ended(this.#path) : undefined;
  }

  [Symbol.dispose](): void {
    if (this.#stream.destroyed) return;
    this.#stream.close(8);
    this.#stream.destroy(this.#of.signal?.aborted === true ? cancelled(this.#of.signal) : undefined);
  }
}

function ended(path: string, cause?: unknown): Failure {
  return new Failure("unavailable", `${path}: the connection has ended`, { cause });
}
