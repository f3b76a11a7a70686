/**
 * A registry for demonstrations and tests, in memory or in distribution's tree: it keeps a log of its requests and
 * misbehaves on demand.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { formatRegistryErrors } from "../wire/index.ts";
import { RegistryCore } from "./core.ts";
import { exchangeOf, serveExchange } from "./create_registry.ts";
import { answer, type Exchange } from "./exchange.ts";
import { ConnectionCut, type FaultPlan } from "./faults.ts";
import { refusalOf } from "./registry_error.ts";
import { recordRequest, type RequestRecord } from "./request_log.ts";
import { filesystemStorage } from "./storage/filesystem.ts";
import { memoryStorage } from "./storage/memory.ts";
import type { StorageDriver } from "./storage/types.ts";
import { TokenService, type RegistryAuth } from "./token_service.ts";

export interface ServeRegistryOptions {
  /** `"memory"`, a directory, or a storage of one's own. */
  readonly storage: "memory" | string | StorageDriver;
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
  /** Whether clients are told of what we have beyond the specification; default false. */
  readonly extensions?: boolean;
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
  const tokens = options.auth && new TokenService(options.auth);
  const { storage, extensions = false } = options;
  const core = new RegistryCore({
    storage: storageOf(storage),
    extensions,
    ...(tokens && { access: tokens }),
  });
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Later it may be gone from the request.
    const { method = "", url = "/", socket } = request;
    const record = recordRequest(request, response, url);
    const index = requests.push(record) - 1;
    options.onRequest?.(record);
    try {
      const fault = await options.faults?.({ method, path: url, range: record.range, index });
      const exchange = exchangeOf(request, response, { record, fault });
      if (fault?.kind === "answer") await answer(exchange, fault.status, fault.headers, fault.body);
      else if (exchange.path === "/token" && tokens !== undefined) await answerToken(tokens, exchange);
      else await serveExchange(core, exchange);
    } catch (error) {
      // The server's job ends at the connection: a fault of the storage must not take the process down.
      if (error instanceof ConnectionCut) socket.destroySoon();
      else response.destroy();
    }
  };
}

async function answerToken(tokens: TokenService, exchange: Exchange): Promise<void> {
  try {
    await tokens.answerToken(exchange);
  } catch (error) {
    if (exchange.response.headersSent) throw error;
    const { status, items, headers } = refusalOf(error);
    await answer(exchange, status, headers, formatRegistryErrors(items));
  }
}

function storageOf(storage: ServeRegistryOptions["storage"]): StorageDriver {
  if (typeof storage !== "string") return storage;
  return storage === "memory" ? memoryStorage() : filesystemStorage(storage);
}
