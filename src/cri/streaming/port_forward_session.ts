/**
 * Connections to ports of a sandbox over SPDY/3.1 (`portforward.k8s.io`): each has two streams with one `requestID`, one for
 * what is said and one for what goes wrong (k8s.io/kubelet, pkg/cri/streaming/portforward/httpstream.go).
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { PassThrough, type Duplex } from "node:stream";
import { Failure } from "../../errors.ts";
import { SpdyConnection, type SpdyHandler } from "./spdy_connection.ts";

export const portForwardProtocol = "portforward.k8s.io";
/** The same within a web socket's messages. */
export const tunnelProtocol = `SPDY/3.1+${portForwardProtocol}`;

/** At the same time, over one client's connection. */
const mostConnections = 1024;

/** One connection, from the moment at which the client has opened its first stream. */
interface Forwarded {
  readonly request: string;
  readonly port: number;
  data: number | undefined;
  error: number | undefined;
  /** What the client has said and the other side has not taken yet. */
  readonly input: PassThrough;
  readonly over: AbortController;
}

export type Dial = (port: number, signal: AbortSignal) => Promise<Socket>;

export class PortForwardSession implements SpdyHandler {
  readonly #connection: SpdyConnection;
  readonly #dial: Dial;
  readonly #byRequest = new Map<string, Forwarded>();
  readonly #byStream = new Map<number, Forwarded>();

  private constructor(socket: Duplex, dial: Dial) {
    this.#connection = new SpdyConnection(socket);
    this.#dial = dial;
    socket.on("close", () => {
      for (const forwarded of this.#byRequest.values()) this.#forget(forwarded);
    });
  }

  /** Until the client goes. */
  static run(socket: Duplex, dial: Dial): Promise<void> {
    const session = new PortForwardSession(socket, dial);
    return session.#connection.run(session);
  }

  opened(stream: number, headers: ReadonlyMap<string, string>): void {
    const kind = headers.get("streamtype");
    const port = Number(headers.get("port"));
    // Clients of old name none: then two streams that follow each other belong together.
    const request = headers.get("requestid") ?? String(kind === "error" ? stream : stream - 2);
    if ((kind !== "data" && kind !== "error") || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new Failure("invalid", "port forward: a stream of no kind or port");
    }
    const forwarded = this.#byRequest.get(request) ?? this.#begin(request, port);
    if (forwarded[kind] !== undefined || forwarded.port !== port) {
      throw new Failure("invalid", `port forward: ${kind} of request ${request} comes twice`);
    }
    forwarded[kind] = stream;
    this.#byStream.set(stream, forwarded);
    const { data, error } = forwarded;
    if (data !== undefined && error !== undefined) void this.#connect(forwarded, data, error);
  }

  async data(stream: number, bytes: Buffer, fin: boolean): Promise<void> {
    const forwarded = this.#byStream.get(stream);
    if (forwarded === undefined || forwarded.data !== stream) return;
    const { input, over } = forwarded;
    if (!input.writable) return;
    if (bytes.length > 0 && !input.write(bytes)) {
      await once(input, "drain", { signal: over.signal }).catch(() => undefined);
    }
    if (fin) input.end();
  }

  reset(stream: number): void {
    const forwarded = this.#byStream.get(stream);
    if (forwarded !== undefined) this.#forget(forwarded);
  }

  leaving(): void {
    // Connections that are open go on.
  }

  #begin(request: string, port: number): Forwarded {
    if (this.#byRequest.size >= mostConnections) {
      throw new Failure("limit", `port forward: more than ${mostConnections} connections`);
    }
    const input = new PassThrough();
    const over = new AbortController();
    const forwarded: Forwarded = { request, port, data: undefined, error: undefined, input, over };
    this.#byRequest.set(request, forwarded);
    return forwarded;
  }

  async #connect(forwarded: Forwarded, data: number, error: number): Promise<void> {
    const { port, over } = forwarded;
    let told = "";
    try {
      await this.#pass(forwarded, data);
    } catch (cause) {
      const { message } = cause as Error;
      told = `failed to connect to localhost:${port} inside the sandbox: ${message}`;
    }
    if (!over.signal.aborted) {
      this.#connection.send(data, Buffer.alloc(0), true);
      this.#connection.send(error, Buffer.from(told), true);
    }
    this.#forget(forwarded);
  }

  /** Until the other side has said all, or the client wants no more. @throws what the connection has met */
  async #pass({ port, input, over }: Forwarded, stream: number): Promise<void> {
    const socket = await this.#dial(port, over.signal);
    const cut = (): void => void socket.destroy();
    over.signal.addEventListener("abort", cut, { once: true });
    if (over.signal.aborted) cut();
    input.pipe(socket);
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        if (!this.#connection.send(stream, chunk)) await this.#connection.room();
      }
    } catch (error) {
      if (!over.signal.aborted) throw error;
    } finally {
      socket.on("error", () => undefined).destroy();
    }
  }

  #forget(forwarded: Forwarded): void {
    forwarded.over.abort();
    forwarded.input.destroy();
    this.#byRequest.delete(forwarded.request);
    for (const stream of [forwarded.data, forwarded.error])
      if (stream !== undefined) this.#byStream.delete(stream);
  }
}
