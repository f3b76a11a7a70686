/** One request from its first byte to its line in the log: what surrounds the registry itself. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isFailure } from "../../errors.ts";
import { formatRegistryErrors } from "../../wire/index.ts";
import type { AuditLog } from "../access/index.ts";
import type { Access } from "../access/types.ts";
import { originOf, type Registry } from "../create_registry.ts";
import type { Quota } from "../quota/quota.ts";
import { RegistryError, refusalOf } from "../registry_error.ts";
import type { ServerConfig } from "./config/read_config.ts";
import { countedBytes, type CountedBytes } from "./counted_bytes.ts";
import type { Logger } from "./log/logger.ts";
import { routeLabel, type RouteLabel } from "./metrics/route_label.ts";
import type { ServerMetrics } from "./metrics/server_metrics.ts";
import { answerStatus, type StatusPages } from "./status_pages.ts";
import type { WebPages } from "../web/web_pages.ts";
import type { Tracer } from "./tracer.ts";
import { answerUsage } from "./usage_page.ts";
import type { WatchedAccess } from "./watched_access.ts";

export interface HandlerParts {
  readonly config: ServerConfig;
  readonly registry: Registry;
  readonly web: WebPages | undefined;
  readonly access: Access;
  readonly watched: WatchedAccess;
  readonly logger: Logger;
  readonly metrics: ServerMetrics;
  readonly pages: StatusPages;
  readonly audit: AuditLog | undefined;
  readonly tracer: Tracer | undefined;
  readonly quota: Quota | undefined;
}

interface Handled {
  readonly id: string;
  readonly path: string;
  readonly route: RouteLabel;
  readonly started: number;
  /** Of the peer; a closed connection does not tell it any more. */
  readonly address: string | undefined;
  readonly bytes: CountedBytes;
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export function requestHandler(parts: HandlerParts): RequestHandler {
  const { config, metrics, pages } = parts;
  return (request, response) => {
    const path = pathOf(request);
    const local = withoutPrefix(path, config.http.prefix) ?? path;
    const route = parts.web?.has(local) ? "web" : routeLabel(local);
    const id = requestIdOf(request);
    const { remoteAddress: address } = request.socket;
    const bytes = countedBytes(request, response);
    const handled = { id, path, route, started: performance.now(), address, bytes };
    const uploads = route === "upload" && request.method !== "GET";
    metrics.inFlight += 1;
    if (uploads) metrics.uploading += 1;
    response.once("close", () => {
      metrics.inFlight -= 1;
      if (uploads) metrics.uploading -= 1;
      finish(parts, request, response, handled);
    });
    response.setHeader("X-Request-Id", id);
    for (const [name, values] of Object.entries(config.http.headers)) response.setHeader(name, values);
    // So that clients of a server that goes take their next request elsewhere.
    if (pages.isDraining() && request.httpVersionMajor < 2) response.setHeader("Connection", "close");
    void answer(parts, request, response, handled);
  };
}

/** Never rejects. */
async function answer(
  parts: HandlerParts,
  request: IncomingMessage,
  response: ServerResponse,
  { id, path, bytes }: Handled,
): Promise<void> {
  const { config, registry, web, access, watched, pages } = parts;
  const onError = (error: unknown) => logFault(parts.logger, id, error);
  try {
    if (await answerStatus(pages, request, response, path)) return;
    const local = withoutPrefix(request.url ?? "/", config.http.prefix);
    if (local === undefined) throw new RegistryError("NAME_UNKNOWN");
    request.url = local;
    const origin = originFor(config, request);
    if (web?.has(pathOf(request)))
      return await web.answer(request, response, {
        requestId: id,
        onError,
        ...(origin !== undefined && { origin }),
      });
    // Passwords can be tried at `/token`, too.
    if (!local.startsWith("/v2")) watched.take(request);
    if (await access.answer(request, response)) return;
    if (await answerUsage(parts.quota, watched, request, response)) return;
    await registry.handle(request, response, {
      requestId: id,
      onError,
      onSent: (count) => (bytes.sent += count),
      ...(origin !== undefined && { origin }),
    });
  } catch (error) {
    if (!(error instanceof RegistryError)) onError(error);
    if (response.headersSent) return void response.destroy();
    const { status, items, headers } = refusalOf(error);
    const body = formatRegistryErrors(items);
    response.writeHead(status, { "Content-Type": "application/json; charset=utf-8", ...headers }).end(body);
  }
}

/** Undefined: as the request says. */
function originFor({ http }: ServerConfig, request: IncomingMessage): string | undefined {
  const path = http.prefix.replace(/\/$/, "");
  if (http.host !== undefined) return http.host.replace(/\/$/, "") + path;
  return path === "" ? undefined : originOf(request) + path;
}

/** Of `/prefix/v2/…` the part from `/v2/` on. */
function withoutPrefix(url: string, prefix: string): string | undefined {
  if (prefix === "/") return url;
  return url.startsWith(prefix) ? `/${url.slice(prefix.length)}` : undefined;
}

function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?", 1)[0] as string;
}

function requestIdOf({ headers }: IncomingMessage): string {
  const told = headers["x-request-id"];
  return typeof told === "string" && /^[\w.-]{1,64}$/.test(told) ? told : randomUUID();
}

function logFault(logger: Logger, id: string, error: unknown): void {
  const { message, cause, stack } = error instanceof Error ? error : new Error(String(error));
  const reason = cause instanceof Error ? cause.message : undefined;
  const trace = isFailure(error) ? undefined : stack;
  logger.error("request failed", { request_id: id, error: message, cause: reason, stack: trace });
}

function finish(
  parts: HandlerParts,
  request: IncomingMessage,
  response: ServerResponse,
  { id, path, route, started, address, bytes }: Handled,
): void {
  const { config, logger, metrics, watched, audit, tracer } = parts;
  const { method = "" } = request;
  const { statusCode: status } = response;
  const seconds = (performance.now() - started) / 1000;
  const label = /^(?:GET|HEAD|POST|PUT|PATCH|DELETE)$/.test(method) ? method : "other";
  metrics.requests.add(1, route, label, String(status));
  metrics.seconds.observe(seconds, route, label);
  metrics.bytesIn.add(bytes.received, route);
  metrics.bytesOut.add(bytes.sent, route);
  const visit = watched.visitOf(request);
  // No query and no header but one: there may be a secret in each.
  const fields = {
    request_id: id,
    method,
    path,
    status,
    ms: Math.round(seconds * 1e5) / 100,
    bytes_in: bytes.received,
    bytes_out: bytes.sent,
    user: visit?.identity?.user,
    address,
    agent: request.headers["user-agent"],
    ...(!response.writableFinished && { aborted: true }),
  };
  if (!config.log.accesslog.disabled) logger.log(route === "health" ? "debug" : "info", "request", fields);
  tracer?.record({ request, route, status, seconds, requestId: id, user: visit?.identity?.user });
  if (audit === undefined || visit === undefined) return;
  const [scope] = visit.needed;
  void audit.record({
    requestId: id,
    user: visit.identity?.user,
    ...(visit.identity && { groups: visit.identity.groups }),
    address,
    action: scope === undefined ? "login" : actionOf(method, scope.actions),
    ...(scope?.type === "repository" && { repository: scope.name }),
    reference: (route === "web" ? /[:@](.+)$/ : /\/(?:manifests|blobs)\/([^/]+)$/).exec(path)?.[1],
    outcome: status === 401 || status === 403 ? "denied" : status < 500 ? "allowed" : "failed",
    status,
  });
}

function actionOf(method: string, actions: readonly string[]): string {
  if (method === "DELETE" || actions.includes("delete")) return "delete";
  return actions.includes("push") ? "push" : actions.includes("*") ? "catalog" : "pull";
}
