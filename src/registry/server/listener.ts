/** The listening side: plain or TLS, with bounds for clients that are slow on purpose, and an end that waits. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Http2SecureServer, ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { Failure } from "../../errors.ts";
import type { createTlsServer } from "../tls/create_tls_server.ts";
import type { ServerConfig } from "./config/read_config.ts";
import type { ListenAddress } from "./config/scalars.ts";
import type { Logger } from "./log/logger.ts";
import type { RequestHandler } from "./request_handler.ts";
import { limitSession } from "./session_limits.ts";

export interface Listener {
  /** `127.0.0.1:5000`, with the port that was found for 0. */
  readonly address: string;
  connections(): number;
  /** Reads certificates again. @throws Failure as `createTlsServer` */
  reload(): Promise<void>;
  /** No new connections, none that are idle; resolves when the last request has been answered, or `signal` breaks them. */
  drain(signal: AbortSignal): Promise<void>;
}

export interface ListenOptions {
  readonly address: ListenAddress;
  readonly tls: ServerConfig["http"]["tls"];
  readonly http2: boolean;
  readonly limits: ServerConfig["limits"];
  readonly logger: Logger;
}

/** @throws Failure "conflict" for an address in use, "denied", "invalid", as `createTlsServer` */
export async function listen(options: ListenOptions, handler: RequestHandler): Promise<Listener> {
  const { server, reload } = await makeServer(options, handler);
  applyLimits(server, options.limits);
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    limitSession(session, options.limits);
    session.once("close", () => sessions.delete(session));
  });
  await bound(server, options.address);
  const { address, port } = server.address() as AddressInfo;
  return {
    address: `${address.includes(":") ? `[${address}]` : address}:${port}`,
    connections: () => sockets.size,
    reload,
    drain: async (signal) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      if ("closeIdleConnections" in server) server.closeIdleConnections();
      for (const session of sessions) session.close();
      const breakAll = () => {
        for (const session of sessions) session.destroy();
        for (const socket of sockets) socket.destroy();
      };
      signal.addEventListener("abort", breakAll, { once: true });
      if (signal.aborted) breakAll();
      await closed;
      signal.removeEventListener("abort", breakAll);
    },
  };
}

type AnyServer = Server | Http2SecureServer | Awaited<ReturnType<typeof createTlsServer>>["server"];

async function makeServer(options: ListenOptions, handler: RequestHandler) {
  const { tls, http2, limits, logger } = options;
  const { headersize: size, headertimeout: timeout } = limits;
  const head = { size, timeout, checking: Math.min(5000, timeout) };
  if (tls?.certificate === undefined || tls.key === undefined) {
    const server = createServer(
      { maxHeaderSize: head.size, connectionsCheckingInterval: head.checking },
      handler,
    );
    return { server: server as AnyServer, reload: () => Promise.resolve() };
  }
  const { certificate, key, clientcas, minimumtls } = tls;
  const onProblem = (failure: Failure) =>
    logger.error("certificates stay as they were", { error: failure.message });
  const files = {
    certificate,
    key,
    clientcas,
    minimumtls: minimumtls === "tls1.3" ? minimumtls : "tls1.2",
  } as const;
  // Node's TLS and HTTP/2 are 6 MB of memory.
  return (await import("../tls/create_tls_server.ts")).createTlsServer(
    { ...files, http2, limits: head, onProblem },
    handler as (request: IncomingMessage, response: ServerResponse) => void,
  );
}

/** Node's limit for a whole request would cut long uploads: here its head has one, and silence in the midst of it. */
function applyLimits(server: AnyServer, limits: ServerConfig["limits"]): void {
  server.maxConnections = limits.connections;
  server.setTimeout(limits.idletimeout);
  Object.assign(server, {
    headersTimeout: limits.headertimeout,
    requestTimeout: 0,
    keepAliveTimeout: limits.keepalivetimeout,
  });
}

function bound(server: AnyServer, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", ({ code, message }: NodeJS.ErrnoException) => {
      const kind = code === "EADDRINUSE" ? "conflict" : code === "EACCES" ? "denied" : "invalid";
      reject(new Failure(kind, `cannot listen on ${host}:${port}: ${code ?? message}`));
    });
    server.listen({ port, ...(host !== "" && { host }), backlog: 1024 }, resolve);
  });
}
