/** Engine API over HTTP: versions, routes, errors. */
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { TlsOptions } from "node:tls";
import { isFailure } from "../../errors.ts";
import { isAtLeast, newestVersion, oldestVersion } from "./api_version.ts";
import { Call } from "./call.ts";
import { keepEarlyInput } from "./early_input.ts";
import { Router, type Route } from "./router.ts";
import { ApiError, statusOf } from "./status_of.ts";
import { readTarget, type Target } from "./target.ts";

export interface ApiServerOptions {
  readonly routes: readonly Route[];
  /** For `Server` and `/version`. */
  readonly version: string;
  /** Whether clients are to offer what is experimental. */
  readonly experimental?: boolean;
  /** What went wrong that is no answer of a handler's making. */
  readonly onError: (error: unknown, where: string) => void;
  /** Told of each request, as `GET /_ping`. */
  readonly onRequest?: (what: string) => void;
  /** Undefined: plain HTTP. */
  readonly tls?: TlsOptions;
}

/** A build brings the credentials of all registries in one header; as much as Go's server takes (`DefaultMaxHeaderBytes`). */
const settings = { noDelay: true, maxHeaderSize: 1 << 20 } as const;

/** Makes the server; whoever listens and closes is the caller. */
export function createApiServer(options: ApiServerOptions): Server {
  const router = new Router(options.routes);
  const answers = new WeakMap<Duplex, ServerResponse>();
  const listener: RequestListener = (request, response) => {
    answers.set(request.socket, response);
    headers(response, options);
    void answer(router, options, request, response, undefined);
  };
  const { tls } = options;
  const server =
    tls === undefined
      ? createServer({ ...settings, shouldUpgradeCallback }, listener)
      : // As node:http has it by itself: a client that ends its input still wants the container's output.
        createTlsServer({ ...tls, ...settings, shouldUpgradeCallback, allowHalfOpen: true }, listener);
  keepEarlyInput(server, tls === undefined ? "connection" : "secureConnection");
  // Who has said all he has to say still wants his answer.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Builds, pulls and those who wait take as long as they take.
  server.requestTimeout = 0;
  // As long as in moby (daemon/command, `ReadHeaderTimeout`). A client that keeps a connection for later must not find
  // it closed just when it uses it.
  server.headersTimeout = 300_000;
  server.keepAliveTimeout = 0;
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, early: Buffer) => {
    socket.on("error", () => undefined);
    // What a client sends without waiting for the answer.
    if (early.length > 0) socket.unshift(early);
    void answer(router, options, request, undefined, socket);
  });
  server.on("connect", (request: IncomingMessage, socket: Duplex) => {
    socket.on("error", () => undefined);
    void answer(router, options, request, undefined, socket);
  });
  server.on("clientError", ({ code }: NodeJS.ErrnoException, socket) => {
    // In the middle of an answer another one cannot be given.
    if (answers.get(socket)?.headersSent === true && answers.get(socket)?.closed === false)
      return void socket.destroy();
    const status = code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
    // Go's server says it once more in the body.
    const head = `Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n`;
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\n${head}${status}`);
  });
  return server;
}

/** Some clients offer with each request to go over to TLS or HTTP/2, which nobody has to take up. */
function shouldUpgradeCallback({ url = "", headers: { upgrade = "" } }: IncomingMessage): boolean {
  if (upgrade === "h2c") return /\/(session|grpc)(\?|$)/.test(url);
  return /^(tcp|websocket)$/i.test(upgrade) && /\/(attach|attach\/ws|start)(\?|$)/.test(url);
}

function headers(response: ServerResponse, { version, experimental = false }: ApiServerOptions): void {
  response.setHeader("Api-Version", newestVersion);
  response.setHeader("Docker-Experimental", String(experimental));
  response.setHeader("Ostype", "linux");
  response.setHeader("Server", `Docker/${version} (linux)`);
}

/** Never rejects. */
async function answer(
  router: Router,
  { onError, onRequest }: ApiServerOptions,
  request: IncomingMessage,
  response: ServerResponse | undefined,
  socket: Duplex | undefined,
): Promise<void> {
  const where = `${request.method} ${request.url?.split("?", 1)[0]}`;
  onRequest?.(where);
  let call: Call | undefined;
  try {
    checkProtocol(request);
    // As Docker has it: to whatever it is (moby, daemon/server/router/system, `optionsHandler`).
    if (request.method === "OPTIONS" && response !== undefined)
      return void response.writeHead(200, { "Content-Length": 0 }).end();
    const target = readTarget(request.url ?? "/");
    if (target.redirect !== undefined && response !== undefined)
      return void response.writeHead(301, { Location: target.redirect, "Content-Length": 0 }).end();
    const { route, ...parts } = resolve(router, request, target);
    call = new Call({ request, response, socket, ...parts });
    await route.handle(call);
  } catch (error) {
    if (!(error instanceof ApiError) && !isFailure(error) && !hasBrokenOff(request, error))
      onError(error, where);
    if (socket === undefined) await drained(request);
    refuse(error, call, response, socket, request);
  }
}

/** The client went in the middle of its body, which is nothing to warn of. */
function hasBrokenOff({ complete, destroyed }: IncomingMessage, error: unknown): boolean {
  return destroyed && !complete && (error as NodeJS.ErrnoException).code === "ECONNRESET";
}

/** Bytes that a client may still send before it hears of a failure (Go, net/http, `maxPostHandlerReadBytes`). */
const mostToDrain = 256 * 1024;

/** Clients that are still sending see a broken connection instead of an answer; so small bodies are taken first. */
async function drained(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > mostToDrain) return;
    }
  } catch {
    // It has gone.
  }
}

/** Unknown paths are unknown in all versions. */
function resolve(router: Router, request: IncomingMessage, { path, query, version: told }: Target) {
  const version = told ?? newestVersion;
  const found = router.find(request.method ?? "", path);
  if (found === undefined) throw new ApiError(404, "page not found");
  if (!isAtLeast(newestVersion, version)) {
    throw new ApiError(
      400,
      `client version ${version} is too new. Maximum supported API version is ${newestVersion}`,
    );
  }
  if (!isAtLeast(version, oldestVersion)) {
    throw new ApiError(
      400,
      `client version ${version} is too old. Minimum supported API version is ${oldestVersion}, please upgrade your client to a newer version`,
    );
  }
  if (!isAtLeast(version, found.route.since ?? oldestVersion)) throw new ApiError(404, "page not found");
  return { ...found, version, query };
}

/** What Go's server refuses and Node's does not. */
function checkProtocol({ httpVersion, httpVersionMajor, headersDistinct }: IncomingMessage): void {
  if (httpVersionMajor !== 1) throw new ApiError(505, `unsupported protocol version: HTTP/${httpVersion}`);
  if ((headersDistinct["host"]?.length ?? 0) > 1) throw new ApiError(400, "too many Host headers");
}

function refuse(
  error: unknown,
  call: Call | undefined,
  response: ServerResponse | undefined,
  socket: Duplex | undefined,
  request: IncomingMessage,
): void {
  const message = error instanceof Error ? error.message : String(error);
  const body = `${JSON.stringify({ message })}\n`;
  const status = statusOf(error);
  if (call?.isAnswered === true) return void (socket ?? response)?.destroy();
  if (socket !== undefined) {
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nContent-Type: application/json\r\n`;
    socket.end(`${head}Connection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    return;
  }
  if (response === undefined) return;
  if (response.headersSent) return void response.destroy();
  if (!request.complete) response.setHeader("Connection", "close");
  const head = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
  response.writeHead(status, head).write(body);
  endAfter(request, response);
}

/** Bytes of a refused request that are still taken, so that its sender comes to read the answer. */
const lingering = 64 * 1024 * 1024;

function endAfter(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete || request.destroyed) return void response.end();
  let left = lingering;
  request.on("data", (chunk: Buffer) => (left -= chunk.length) < 0 && response.end());
  request.once("close", () => response.end());
}
