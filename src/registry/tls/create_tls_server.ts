/** HTTPS for the registry: HTTP/1.1 and HTTP/2 on one port, certificates that can be replaced while it runs. */
import type { RequestListener } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { createServer, type Server } from "node:https";
import { Failure, isFailure } from "../../errors.ts";
import { readTlsFiles, type TlsFiles } from "./tls_files.ts";

export interface TlsServerOptions extends TlsFiles {
  /** Default true. */
  readonly http2?: boolean | undefined;
  /** Seconds between two looks at the files. Default 30; 0: only `reload` looks. */
  readonly reloadSeconds?: number | undefined;
  /** Default: Node's. */
  readonly limits?: HeadLimits | undefined;
  /** Told of files that became unusable; the old ones stay in force. */
  readonly onProblem?: ((failure: Failure) => void) | undefined;
}

/** Bounds for what comes before a request. */
export interface HeadLimits {
  /** Bytes of a head. */
  readonly size: number;
  /** Milliseconds until the handshake is done, and until a head is there. */
  readonly timeout: number;
  /** Milliseconds between two looks for heads that take too long. */
  readonly checking: number;
}

/** HTTP/2's requests side by side on one connection. */
const mostStreams = 250;

export interface TlsServer {
  /** Not listening yet. It looks after its files until it is closed. */
  readonly server: Server | Http2SecureServer;
  /**
   * Takes the files as they are now, for connections that come; those that are open go on.
   * @throws Failure as `readTlsFiles`; nothing has changed then
   */
  reload(): Promise<void>;
}

/**
 * Makes a server that is ready to listen.
 *
 * HTTP/2 requests reach `handler` by Node's compatibility layer, as objects that answer to the names of HTTP/1's;
 * `request.httpVersionMajor` tells them apart.
 *
 * @throws Failure as `readTlsFiles`
 */
export async function createTlsServer(
  options: TlsServerOptions,
  handler: RequestListener,
): Promise<TlsServer> {
  let current = await readTlsFiles(options);
  const mutual = (options.clientcas ?? []).length > 0;
  const settings = {
    ...current,
    requestCert: mutual,
    rejectUnauthorized: mutual,
    ...headOptions(options.limits),
  };
  const server =
    options.http2 === false
      ? createServer(settings, handler)
      : createSecureServer(
          { ...settings, ...streamOptions(options.limits), allowHTTP1: true },
          handler as never,
        );
  const reload = async () => {
    const fresh = await readTlsFiles(options);
    // A new context throws away the sessions that clients could resume.
    if (JSON.stringify(fresh) === JSON.stringify(current)) return;
    server.setSecureContext(fresh);
    current = fresh;
  };
  watch(server, reload, options);
  return { server, reload };
}

function headOptions(limits: HeadLimits | undefined) {
  if (limits === undefined) return {};
  const { size, timeout, checking } = limits;
  return { handshakeTimeout: timeout, maxHeaderSize: size, connectionsCheckingInterval: checking };
}

/** A client is told the limits, and a head beyond them ends its stream. */
function streamOptions(limits: HeadLimits | undefined) {
  const size = limits && { maxHeaderListSize: limits.size };
  return { settings: { maxConcurrentStreams: mostStreams, ...size } };
}

/** By the clock: notifications of the file system miss what container platforms do, which is to exchange a link to a directory. */
function watch(
  server: Server | Http2SecureServer,
  reload: () => Promise<void>,
  options: TlsServerOptions,
): void {
  const { reloadSeconds = 30, onProblem } = options;
  if (reloadSeconds === 0) return;
  const look = () =>
    reload().catch((error: unknown) => {
      if (!isFailure(error)) throw error;
      onProblem?.(error);
    });
  const timer = setInterval(look, reloadSeconds * 1000).unref();
  server.once("close", () => clearInterval(timer));
}
