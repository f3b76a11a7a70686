/** Kubernetes' streams over SPDY/3.1: each is a stream of its own, which the client opens and says the kind of. */
import { once } from "node:events";
import { PassThrough, Writable, type Duplex } from "node:stream";
import { Failure } from "../../errors.ts";
import {
  readSize,
  Sizes,
  type RemoteSession,
  type StreamOffer,
  type TerminalSize,
} from "./remote_session.ts";
import {
  controlFrame,
  dataFrame,
  frameTypes,
  HeaderReader,
  SpdyReader,
  synReply,
  type SpdyFrame,
} from "./spdy_frames.ts";

/** Older ones say in words of their own how a command has ended. */
export const spdyProtocols = ["v4.channel.k8s.io"] as const;

const longestSize = 1024;
const mostStreams = 8;

export class SpdySession implements RemoteSession {
  readonly stdin: PassThrough | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly gone: AbortSignal;
  readonly #socket: Duplex;
  readonly #sizes = new Sizes();
  readonly #headers = new HeaderReader();
  /** Kinds of streams by number, and the other way round. */
  readonly #kinds = new Map<number, string>();
  readonly #numbers = new Map<string, number>();
  readonly #wanted: readonly string[];
  /** Nobody takes input any more. */
  readonly #over = new AbortController();
  readonly #ready = Promise.withResolvers<void>();

  private constructor(socket: Duplex, offer: StreamOffer) {
    this.#socket = socket;
    const hasErrors = offer.stderr && !offer.tty;
    this.stdin = offer.stdin ? new PassThrough() : undefined;
    this.stdout = offer.stdout ? this.#writer("stdout") : undefined;
    this.stderr = hasErrors ? this.#writer("stderr") : undefined;
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
      this.#headers.close();
      this.#ready.reject(new Failure("cancelled", "the client has gone"));
    });
    this.#ready.promise.catch(() => undefined);
  }

  /** Resolves when the client has opened all streams. @throws Failure("cancelled") when it goes before that */
  static async begin(socket: Duplex, offer: StreamOffer): Promise<SpdySession> {
    const session = new SpdySession(socket, offer);
    void session.#readAll().catch(() => socket.destroy());
    await session.#ready.promise;
    return session;
  }

  onResize(listener: (size: TerminalSize) => void): void {
    this.#sizes.onResize(listener);
  }

  end(status: object): void {
    this.stdin?.destroy();
    this.#over.abort();
    if (!this.#socket.writable) return;
    this.#send("error", Buffer.from(JSON.stringify(status)), true);
    for (const kind of ["stdout", "stderr"]) this.#send(kind, Buffer.alloc(0), true);
    const last = Buffer.alloc(8);
    last.writeUInt32BE(Math.max(0, ...this.#kinds.keys()));
    this.#socket.end(controlFrame(frameTypes.goAway, last));
  }

  async #readAll(): Promise<void> {
    const reader = new SpdyReader();
    for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
      for (const frame of reader.read(chunk)) await this.#take(frame);
    }
  }

  async #take(frame: SpdyFrame): Promise<void> {
    if (frame.kind === "data") return this.#data(frame.stream, frame.bytes, frame.fin);
    const { type, bytes } = frame;
    if (type === frameTypes.synStream) await this.#open(bytes);
    else if (type === frameTypes.headers) await this.#headers.read(bytes.subarray(4));
    else if (type === frameTypes.ping) this.#socket.write(controlFrame(frameTypes.ping, bytes));
    else if (type === frameTypes.rstStream && bytes.length >= 4) {
      if (this.#kinds.get(bytes.readUInt32BE(0)) === "stdin") this.stdin?.end();
    } else if (type === frameTypes.goAway) this.stdin?.end();
  }

  async #open(bytes: Buffer): Promise<void> {
    if (bytes.length < 10) throw new Failure("invalid", "spdy: a stream without a head");
    const number = bytes.readUInt32BE(0) & 0x7fff_ffff;
    const kind = (await this.#headers.read(bytes.subarray(10))).get("streamtype") ?? "";
    if (this.#kinds.size >= mostStreams || this.#kinds.has(number)) {
      throw new Failure("limit", "spdy: more streams than there are uses for");
    }
    const isFirst = this.#kinds.size === 0;
    this.#kinds.set(number, kind);
    this.#numbers.set(kind, number);
    this.#socket.write(synReply(number, isFirst));
    if (this.#wanted.every((each) => this.#numbers.has(each))) this.#ready.resolve();
  }

  async #data(stream: number, bytes: Buffer, fin: boolean): Promise<void> {
    const kind = this.#kinds.get(stream);
    if (kind === "resize") this.#sizes.take(readSize(bytes.toString("utf8", 0, longestSize)));
    const { stdin } = this;
    if (kind !== "stdin" || stdin === undefined || !stdin.writable) return;
    if (bytes.length > 0 && !stdin.write(bytes)) {
      await once(stdin, "drain", { signal: this.#over.signal }).catch(() => undefined);
    }
    if (fin) stdin.end();
  }

  /** @returns whether there is room for more */
  #send(kind: string, bytes: Buffer, fin = false): boolean {
    const number = this.#numbers.get(kind);
    if (number === undefined || !this.#socket.writable) return true;
    return this.#socket.write(dataFrame(number, bytes, fin));
  }

  #writer(kind: string): Writable {
    const socket = this.#socket;
    const writer = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (this.#send(kind, chunk)) return done();
        const go = (): void => {
          socket.off("drain", go);
          socket.off("close", go);
          done();
        };
        socket.on("drain", go);
        socket.on("close", go);
      },
    });
    socket.once("close", () => writer.destroy());
    return writer;
  }
}
