/**
 * A small registry for demonstrations and tests: push and pull by any client, in memory or in distribution's tree.
 * Deletion, garbage collection, referrers, quota and proxying are not here.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { formatRegistryErrors } from "../wire/index.ts";
import { directoryStorage } from "./directory_storage.ts";
import { answer, type Exchange } from "./exchange.ts";
import { ConnectionCut, type FaultPlan } from "./faults.ts";
import { memoryStorage } from "./memory_storage.ts";
import { RegistryError } from "./registry_error.ts";
import { recordRequest, type RequestRecord } from "./request_log.ts";
import { routeOf } from "./routes.ts";
import type { RegistryStorage } from "./storage.ts";
import { TokenService, type RegistryAuth } from "./token_service.ts";
import { Uploads } from "./uploads.ts";

export interface ServeRegistryOptions {
  /** `"memory"`, a directory, or a storage of one's own. */
  readonly storage: "memory" | string | RegistryStorage;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  readonly auth?: RegistryAuth;
  /** PEM; with `ca` clients must show a certificate of that authority. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string };
  /** Called as a request arrives. */
  readonly onRequest?: (record: RequestRecord) => void;
  readonly faults?: FaultPlan;
}

export interface RunningRegistry extends AsyncDisposable {
  /** `127.0.0.1:41234` */
  readonly address: string;
  /** Every request so far, in order of arrival. */
  readonly requests: RequestRecord[];
  /** Stops listening and breaks open connections. */
  close(): Promise<void>;
}

/** Starts a registry; resolves when it listens. Rejects with Node's error when the port is taken. */
export async function serveRegistry(options: ServeRegistryOptions): Promise<RunningRegistry> {
  const requests: RequestRecord[] = [];
  const handle = requestHandler(options, requests);
  const { tls } = options;
  const server = tls
    ? createTlsServer({ ...tls, requestCert: tls.ca !== undefined }, handle)
    : createServer(handle);
  // Uploads of many GB are one request: Node's limit of five minutes for a request must not apply.
  server.requestTimeout = 0;
  await listen(server, options);
  const { address, port } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  const host = address.includes(":") ? `[${address}]` : address;
  return { address: `${host}:${port}`, requests, close, [Symbol.asyncDispose]: close };
}

function listen(server: Server, options: ServeRegistryOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve);
  });
}

function requestHandler(options: ServeRegistryOptions, requests: RequestRecord[]) {
  const storage = storageOf(options.storage);
  const uploads = new Uploads(storage);
  const tokens = options.auth && new TokenService(options.auth);
  const scheme = options.tls ? "https" : "http";
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { socket } = request;
    const origin = `${scheme}://${request.headers.host ?? "localhost"}`;
    const url = new URL(request.url ?? "/", origin);
    const record = recordRequest(request, response, url);
    const index = requests.push(record) - 1;
    options.onRequest?.(record);
    const method = record.method;
    const path = `${url.pathname}${url.search}`;
    try {
      const fault = await options.faults?.({ method, path, range: record.range, index });
      const exchange: Exchange = { request, response, method, url, origin, record, fault };
      await serve(exchange, storage, uploads, tokens);
    } catch (error) {
      // The server's job ends at the connection: a fault of the storage must not take the process down.
      if (error instanceof ConnectionCut) socket.destroySoon();
      else response.destroy();
    }
  };
}

function storageOf(storage: ServeRegistryOptions["storage"]): RegistryStorage {
  if (typeof storage !== "string") return storage;
  return storage === "memory" ? memoryStorage() : directoryStorage(storage);
}

async function serve(
  exchange: Exchange,
  storage: RegistryStorage,
  uploads: Uploads,
  tokens: TokenService | undefined,
): Promise<void> {
  const { fault, response, url } = exchange;
  if (fault?.kind === "answer") return answer(exchange, fault.status, fault.headers, fault.body);
  try {
    if (url.pathname === "/token" && tokens !== undefined) return await tokens.answerToken(exchange);
    response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
    const route = routeOf(exchange, storage, uploads);
    tokens?.authorize(exchange, route.scopes);
    return await route.handle();
  } catch (error) {
    if (error instanceof ConnectionCut || response.headersSent || response.destroyed) throw error;
    return refuse(exchange, error);
  }
}

async function refuse(exchange: Exchange, error: unknown): Promise<void> {
  const known = error instanceof RegistryError;
  const items = known ? error.items : [{ code: "UNKNOWN", message: "unknown error" }];
  const headers = { "Content-Type": "application/json; charset=utf-8", ...(known ? error.headers : {}) };
  await answer(exchange, known ? error.status : 500, headers, formatRegistryErrors(items));
}
