/** One request to the Engine API as its handler sees it, and the ways to answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Failure, isFailure } from "../../errors.ts";
import { isAtLeast, type ApiVersion } from "./api_version.ts";
import { hasUnreadBody } from "./early_input.ts";
import { inputOf } from "./framed_input.ts";
import { webSocketAccept, WebSocketStream } from "./web_socket.ts";

/** Bytes of JSON that a request may bring; Docker has no bound, its largest bodies have some kilobytes. */
const largestJson = 4 * 1024 * 1024;

/** Takes over the connection: from then on the bytes are the caller's. */
export interface Hijacked {
  /** From and to the client. Its `end` may come long before its `close`: the client has only stopped to send. */
  readonly connection: Duplex;
}

export interface CallParts {
  readonly request: IncomingMessage;
  readonly response: ServerResponse | undefined;
  /** Of an upgraded connection. */
  readonly socket: Duplex | undefined;
  readonly version: string;
  /** Parts of the path that the route names, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

export class Call {
  readonly request: IncomingMessage;
  readonly version: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  readonly #response: ServerResponse | undefined;
  readonly #socket: Duplex | undefined;
  #hijacked = false;

  constructor(parts: CallParts) {
    this.request = parts.request;
    this.version = parts.version;
    this.params = parts.params;
    this.query = parts.query;
    this.#response = parts.response;
    this.#socket = parts.socket;
    const gone = new AbortController();
    (parts.response ?? parts.socket)?.once("close", () => gone.abort());
    // As in Go's server, who ends his side of a connection that is not his own waits for nothing more.
    const leave = (): void => (this.#hijacked || parts.socket !== undefined ? undefined : gone.abort());
    // Held: a request that is let go of has none any more.
    const { socket } = parts.request;
    socket.once("end", leave);
    parts.response?.once("close", () => socket.off("end", leave));
    this.signal = gone.signal;
  }

  isAtLeast(version: ApiVersion): boolean {
    return isAtLeast(this.version, version);
  }

  /** A part of the path. */
  param(name: string): string {
    const value = this.params[name];
    if (value === undefined) throw new Failure("internal", `the route has no part ${name}`);
    return value;
  }

  /** As Docker reads it (moby, api/server/httputils/form.go, `BoolValue`): all but these words and nothing is true. */
  flag(name: string, otherwise = false): boolean {
    const value = this.query.get(name)?.trim().toLowerCase();
    if (value === undefined) return otherwise;
    return !["", "0", "no", "false", "none"].includes(value);
  }

  /** @throws Failure("invalid") for what is no integer */
  integer(name: string): number | undefined {
    const value = this.query.get(name);
    if (value === null || value === "") return undefined;
    if (/^[+-]?\d{1,15}$/.test(value)) return Number(value);
    const problem = /^[+-]?\d+$/.test(value) ? "value out of range" : "invalid syntax";
    throw new Failure("invalid", `strconv.Atoi: parsing ${JSON.stringify(value)}: ${problem}`);
  }

  /**
   * The body as a JSON object.
   * @throws Failure("invalid") in Docker's words; `limit` for one that is too large
   */
  async json(): Promise<Readonly<Record<string, unknown>>> {
    const type = this.request.headers["content-type"];
    const bytes = await this.body(largestJson);
    if (bytes.length === 0) return {};
    if (type !== undefined && !/^application\/json\b/i.test(type)) {
      throw new Failure("invalid", `Content-Type specified (${type}) must be 'application/json'`);
    }
    const value = parsed(bytes.toString("utf8"));
    if (value === null) return {};
    if (typeof value !== "object" || Array.isArray(value)) {
      throw new Failure("invalid", "invalid JSON: the body is no object");
    }
    return value as Record<string, unknown>;
  }

  /** @throws Failure("limit") for more than `limit` bytes */
  async body(limit: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    // Destroyed, it could not be answered any more.
    const source = this.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    try {
      for await (const chunk of source) {
        size += chunk.length;
        if (size > limit) throw new Failure("limit", `the body of the request has more than ${limit} bytes`);
        chunks.push(chunk);
      }
    } catch (cause) {
      if (isFailure(cause)) throw cause;
      throw new Failure("cancelled", `the body of the request broke off: ${(cause as Error).message}`, {
        cause,
      });
    }
    return Buffer.concat(chunks);
  }

  /** Answers with JSON. */
  reply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
    const body = `${JSON.stringify(value, plainBigints)}\n`;
    this.#head(status, { "Content-Type": "application/json", ...headers }).end(body);
  }

  /** Answers without a body. */
  done(status: 200 | 201 | 204 | 304 = 204, headers: Readonly<Record<string, string>> = {}): void {
    this.#head(status, headers).end();
  }

  text(status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#head(status, { "Content-Type": "text/plain; charset=utf-8", ...headers }).end(text);
  }

  /**
   * Answers with bytes that come over time; the head is out when this returns. Whoever writes heeds backpressure and ends
   * it; {@link signal} tells when nobody takes them any more.
   */
  stream(contentType: string, headers: Readonly<Record<string, string>> = {}): ServerResponse {
    const response = this.#head(200, { "Content-Type": contentType, ...headers });
    response.flushHeaders();
    return response;
  }

  /**
   * Takes the connection over, upgraded where the client asked for that (moby, daemon/attach and
   * api/server/router/container: `HijackConnection`).
   * @param contentType of what goes to the client
   */
  hijack(contentType: string): Hijacked {
    this.#hijacked = true;
    const type = `Content-Type: ${contentType}\r\n`;
    const asks = this.request.headers.upgrade !== undefined;
    const head = asks
      ? `HTTP/1.1 101 UPGRADED\r\n${type}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n`
      : `HTTP/1.1 200 OK\r\n${type}\r\n`;
    if (this.#socket !== undefined) {
      this.#socket.write(head);
      const { request } = this;
      return { connection: hasUnreadBody(request) ? inputOf(this.#socket, request.headers) : this.#socket };
    }
    const response = this.#response as ServerResponse;
    const { socket } = response;
    if (socket === null) throw new Failure("cancelled", "the client has gone");
    response.detachSocket(socket);
    // The server's own: they would take what comes for another request, and a client's end for that of the connection.
    for (const event of ["data", "end", "drain", "timeout", "pause", "resume"])
      socket.removeAllListeners(event);
    socket.setTimeout(0);
    socket.on("error", () => undefined);
    socket.write(head);
    return { connection: socket };
  }

  /**
   * Takes the connection over for another protocol, once the client has been told.
   * @throws Failure("invalid") for a request that asks for none, or for another one; Failure("cancelled")
   */
  async upgrade(protocol: string): Promise<Duplex> {
    const asked = this.request.headers.upgrade;
    if (asked === undefined) throw new Failure("invalid", "no upgrade proto in request");
    const socket = this.#socket;
    if (socket === undefined || asked !== protocol)
      throw new Failure("invalid", `protocol ${asked} not supported`);
    this.#hijacked = true;
    const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
    // HTTP/2 takes the handle below the socket. A write that ends there later, as on TLS, would abort the process.
    await new Promise<void>((resolve, reject) =>
      socket.write(head, (cause) =>
        cause ? reject(new Failure("cancelled", "the client has gone", { cause })) : resolve(),
      ),
    );
    return socket;
  }

  /**
   * Takes the connection over as a web socket.
   * @param kind of the frames that go to the client
   * @throws Failure("invalid") for a request that asks for none
   */
  webSocket(kind: "text" | "binary"): Hijacked {
    const key = this.request.headers["sec-websocket-key"];
    if (this.#socket === undefined || key === undefined)
      throw new Failure("invalid", "not websocket protocol");
    this.#hijacked = true;
    const accept = `Sec-WebSocket-Accept: ${webSocketAccept(key)}`;
    this.#socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${accept}\r\n\r\n`,
    );
    return { connection: new WebSocketStream(this.#socket, kind) };
  }

  /** Whether a status can no longer be given. */
  get isAnswered(): boolean {
    return this.#hijacked || this.#response?.headersSent === true;
  }

  #head(status: number, headers: Readonly<Record<string, string>>): ServerResponse {
    if (this.#response === undefined) {
      throw new Failure("invalid", "this request cannot be answered on an upgraded connection");
    }
    for (const [name, value] of Object.entries(headers)) this.#response.setHeader(name, value);
    this.#response.statusCode = status;
    return this.#response;
  }
}

/** In Docker's words where a client can make sense of them (moby, daemon/server/httputils, `ReadJSON`). */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { message } = cause as Error;
    const end = /at position (\d+)/.exec(message)?.[1];
    const isCutOff = end === undefined ? /end of JSON input/.test(message) : Number(end) >= text.length;
    if (isCutOff) throw new Failure("invalid", "invalid JSON: unexpected EOF", { cause });
    if (/after JSON/.test(message)) throw new Failure("invalid", "unexpected content after JSON", { cause });
    throw new Failure("invalid", `invalid JSON: ${message}`, { cause });
  }
}

/** Go's 64-bit numbers: printed in digits, though JavaScript's numbers end at 2^53. */
function plainBigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? rawJson(value.toString()) : value;
}

/** TypeScript does not know it yet (ECMA-262, JSON.rawJSON). */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
