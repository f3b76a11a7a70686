/** Kubernetes' streams over SPDY/3.1: each is a stream of its own, which the client opens and says the kind of. */
import { once } from "node:events";
import { PassThrough, type Duplex, type Writable } from "node:stream";
import { Failure } from "../../errors.ts";
import {
  readSize,
  Sizes,
  type ContainerOffer,
  type RemoteSession,
  type TerminalSize,
} from "./remote_session.ts";
import { SpdyConnection, type SpdyHandler } from "./spdy_connection.ts";

/** Older ones say in words of their own how a command has ended. */
export const spdyProtocols = ["v4.channel.k8s.io"] as const;

const longestSize = 1024;
const mostStreams = 8;
/** Milliseconds for a client to open all streams; kubelet's own (`DefaultStreamCreationTimeout`). */
const patience = 30_000;

export class SpdySession implements RemoteSession, SpdyHandler {
  readonly stdin: PassThrough | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly gone: AbortSignal;
  readonly #connection: SpdyConnection;
  readonly #sizes = new Sizes();
  /** Kinds of streams by number, and the other way round. */
  readonly #kinds = new Map<number, string>();
  readonly #numbers = new Map<string, number>();
  readonly #wanted: readonly string[];
  /** Nobody takes input any more. */
  readonly #over = new AbortController();
  readonly #ready = Promise.withResolvers<void>();

  private constructor(socket: Duplex, offer: ContainerOffer) {
    const connection = new SpdyConnection(socket);
    const hasErrors = offer.stderr && !offer.tty;
    const writer = (kind: string): Writable => connection.writer(() => this.#numbers.get(kind));
    this.#connection = connection;
    this.stdin = offer.stdin ? new PassThrough() : undefined;
    this.stdout = offer.stdout ? writer("stdout") : undefined;
    this.stderr = hasErrors ? writer("stderr") : undefined;
    this.stdin?.on("error", () => undefined);
    this.#wanted = [
      "error",
      ...(offer.stdin ? ["stdin"] : []),
      ...(offer.stdout ? ["stdout"] : []),
      ...(hasErrors ? ["stderr"] : []),
      ...(offer.tty ? ["resize"] : []),
    ];
    const gone = new AbortController();
    this.gone = gone.signal;
    socket.on("close", () => {
      gone.abort();
      this.#over.abort();
      this.stdin?.end();
      this.#ready.reject(new Failure("cancelled", "the client has gone"));
    });
    this.#ready.promise.catch(() => undefined);
  }

  /** Resolves when the client has opened all streams. @throws Failure("cancelled") when it goes before that, or does not in time */
  static async begin(socket: Duplex, offer: ContainerOffer): Promise<SpdySession> {
    const session = new SpdySession(socket, offer);
    void session.#connection.run(session);
    const late = setTimeout(() => socket.destroy(), patience);
    try {
      await session.#ready.promise;
    } finally {
      clearTimeout(late);
    }
    return session;
  }

  onResize(listener: (size: TerminalSize) => void): void {
    this.#sizes.onResize(listener);
  }

  end(status: object): void {
    this.stdin?.destroy();
    this.#over.abort();
    const send = (kind: string, text: string): void => {
      const number = this.#numbers.get(kind);
      if (number !== undefined) this.#connection.send(number, Buffer.from(text), true);
    };
    send("error", JSON.stringify(status));
    for (const kind of ["stdout", "stderr"]) send(kind, "");
    this.#connection.end();
  }

  opened(stream: number, headers: ReadonlyMap<string, string>): void {
    if (this.#kinds.size >= mostStreams) {
      throw new Failure("limit", "spdy: more streams than there are uses for");
    }
    const kind = headers.get("streamtype") ?? "";
    this.#kinds.set(stream, kind);
    this.#numbers.set(kind, stream);
    if (this.#wanted.every((each) => this.#numbers.has(each))) this.#ready.resolve();
  }

  async data(stream: number, bytes: Buffer, fin: boolean): Promise<void> {
    const kind = this.#kinds.get(stream);
    if (kind === "resize") this.#sizes.take(readSize(bytes.toString("utf8", 0, longestSize)));
    const { stdin } = this;
    if (kind !== "stdin" || stdin === undefined || !stdin.writable) return;
    if (bytes.length > 0 && !stdin.write(bytes)) {
      await once(stdin, "drain", { signal: this.#over.signal }).catch(() => undefined);
    }
    if (fin) stdin.end();
  }

  reset(stream: number): void {
    if (this.#kinds.get(stream) === "stdin") this.stdin?.end();
  }

  leaving(): void {
    this.stdin?.end();
  }
}
