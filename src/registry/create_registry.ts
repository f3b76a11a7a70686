/** The registry: OCI Distribution 1.1 and Docker Registry v2 over a storage, one request at a time. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import { isFailure } from "../errors.ts";
import { formatRegistryErrors } from "../wire/index.ts";
import { RegistryCore, type RegistryOptions } from "./core.ts";
import { answerEarly, type Exchange } from "./exchange.ts";
import { ConnectionCut, type Fault } from "./faults.ts";
import { RegistryError, refusalOf } from "./registry_error.ts";
import type { RequestRecord } from "./request_log.ts";
import { routeOf, type Route } from "./routes.ts";

export interface RequestContext {
  /** For events; default: the client's `X-Request-Id` if it is sane, else a new UUID. */
  readonly requestId?: string;
  /** Instead of the registry's own; behind a path of a proxy with that path. */
  readonly origin?: string;
  /** Faults that are no answer of the registry's own making: what a log must have. */
  readonly onError?: (error: unknown) => void;
  /** Told of bytes of the answer that do not pass through `response.write` and `end`, as they go out. */
  readonly onSent?: (bytes: number) => void;
}

export interface Registry {
  /**
   * Answers a request for `/v2/…`; any other path is NAME_UNKNOWN. Never rejects: what goes wrong behind the head of the
   * answer breaks the connection.
   */
  handle(request: IncomingMessage, response: ServerResponse, context?: RequestContext): Promise<void>;
  /** Closes the storage. Requests must have ended. */
  close(): Promise<void>;
}

export function createRegistry(options: RegistryOptions): Registry {
  return registryOn(new RegistryCore(options), options);
}

/** Of a core that others use as well. */
export function registryOn(
  core: RegistryCore,
  options: Pick<RegistryOptions, "origin" | "relativeUrls">,
): Registry {
  return {
    handle: async (request, response, context = {}) => {
      const exchange = exchangeOf(request, response, { ...options, ...context });
      try {
        await serveExchange(core, exchange, context.onError);
      } catch (error) {
        // A client that went away, or that has come back on another connection, is nobody's fault.
        if (!exchange.signal.aborted && !isFailure(error, "cancelled")) context.onError?.(error);
        response.destroy();
      }
    },
    close: async () => core.storage.close?.(),
  };
}

interface ExchangeOptions extends Pick<RegistryOptions, "origin" | "relativeUrls">, RequestContext {
  readonly record?: RequestRecord;
  readonly fault?: Fault | undefined;
}

/** The request as the handlers see it. */
export function exchangeOf(
  request: IncomingMessage,
  response: ServerResponse,
  options: ExchangeOptions,
): Exchange {
  const [path, query] = targetOf(request.url ?? "/");
  const gone = new AbortController();
  // Not when all is answered: the exception alone would be a twentieth of a small request.
  response.once("close", () => response.writableFinished || gone.abort());
  const origin = options.origin ?? originOf(request);
  return {
    request,
    response,
    method: request.method ?? "",
    path,
    query: new URLSearchParams(query),
    origin,
    locationBase: options.relativeUrls === true ? origin.replace(/^https?:\/\/[^/]*/, "") : origin,
    requestId: options.requestId ?? requestIdOf(request),
    remoteAddress: request.socket.remoteAddress,
    signal: gone.signal,
    onSent: options.onSent,
    identity: { user: undefined, groups: [] },
    record: options.record,
    fault: options.fault,
  };
}

/** Path and query as they came; a proxy's absolute form loses its host. */
function targetOf(target: string): [string, string] {
  const local = target.replace(/^[a-z]+:\/\/[^/?]*/i, "");
  const mark = local.indexOf("?");
  return mark < 0 ? [local, ""] : [local.slice(0, mark), local.slice(mark + 1)];
}

/** How the client addressed us, also through a proxy that tells (distribution's `registry/api/v2/urls.go`). */
export function originOf(request: IncomingMessage): string {
  const first = (name: string) =>
    String(request.headers[name] ?? "")
      .split(",")[0]
      ?.trim();
  const encrypted = (request.socket as TLSSocket).encrypted === true;
  const told = first("x-forwarded-proto");
  const scheme = told === "http" || told === "https" ? told : encrypted ? "https" : "http";
  const host = first("x-forwarded-host") || request.headers.host || first(":authority") || "localhost";
  // What is no host would end up in a header.
  return /^[\w.[\]:-]+$/.test(host) ? `${scheme}://${host}` : "";
}

function requestIdOf(request: IncomingMessage): string {
  const told = request.headers["x-request-id"];
  return typeof told === "string" && /^[\w-]{1,64}$/.test(told) ? told : randomUUID();
}

/** Answers, with an error body if need be. Rejects when only the connection can tell that something went wrong. */
export async function serveExchange(
  core: RegistryCore,
  exchange: Exchange,
  onError?: (error: unknown) => void,
): Promise<void> {
  const { response } = exchange;
  try {
    response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
    // On the refusal, too, which is all that a client sees of it as a rule.
    if (core.extensions && exchange.path === "/v2/") response.setHeader("Varve-Extensions", "plan");
    const route = await admit(core, exchange);
    await route.handle();
  } catch (error) {
    const unanswerable = error instanceof ConnectionCut || isFailure(error, "cancelled");
    if (unanswerable || response.headersSent || response.destroyed) throw error;
    if (!(error instanceof RegistryError)) onError?.(error);
    const { status, items, headers } = refusalOf(error);
    const type = { "Content-Type": "application/json; charset=utf-8" };
    await answerEarly(exchange, status, { ...type, ...headers }, formatRegistryErrors(items));
  }
}

/**
 * Whoever may not even know whether there is such a place is asked for credentials before a wrong name is named; that is
 * how a client finds out that it needs some.
 */
async function admit(core: RegistryCore, exchange: Exchange): Promise<Route> {
  let route: Route;
  try {
    route = routeOf(core, exchange);
  } catch (error) {
    await authorize(core, exchange, []);
    throw error;
  }
  await authorize(core, exchange, route.scopes);
  return route;
}

async function authorize(core: RegistryCore, exchange: Exchange, needed: Route["scopes"]): Promise<void> {
  if (core.access === undefined) return;
  const { request, origin } = exchange;
  try {
    exchange.identity = await core.access.authorize({ request, origin, needed });
  } catch (error) {
    // A known user who may not pull from the source of a mount may push all the same.
    const refused = error instanceof RegistryError && error.status === 403 && needed.length > 1;
    if (!refused) throw error;
    exchange.identity = await core.access.authorize({ request, origin, needed: needed.slice(0, 1) });
    exchange.query.delete("mount");
  }
}
