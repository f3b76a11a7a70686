/** `/healthz`, `/readyz` and `/metrics`, and on the debug address distribution's `/debug/health`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Health } from "./health.ts";
import type { ServerMetrics } from "./metrics/server_metrics.ts";
import type { WatchedAccess } from "./watched_access.ts";

export interface StatusPages {
  readonly health: Health;
  readonly metrics: ServerMetrics;
  /** The server is about to go: not ready, and still well. */
  isDraining(): boolean;
  /** Path of the metrics, undefined: there are none here. */
  readonly metricsPath: string | undefined;
  /** Who is asked for the right to list the catalog before metrics are shown; undefined: nobody. */
  readonly guard: WatchedAccess | undefined;
}

/** False: the path is none of these. @throws RegistryError for metrics that the client may not see */
export async function answerStatus(
  pages: StatusPages,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<boolean> {
  const { health, metrics, metricsPath, guard } = pages;
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  if (path === "/healthz") sendJson(response, 200, {});
  else if (path === "/readyz" || (guard === undefined && path === "/debug/health")) {
    const problems = { ...health.problems(), ...(pages.isDraining() && { server: "draining" }) };
    const status = Object.keys(problems).length === 0 ? 200 : 503;
    sendJson(response, status, { ...health.warnings(), ...problems });
  } else if (path === metricsPath) {
    const needed = [{ type: "registry", name: "catalog", actions: ["*"] }] as const;
    await guard?.authorize({ request, origin: "", needed });
    response
      .writeHead(200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" })
      .end(metrics.text());
  } else return false;
  return true;
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const headers = { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-cache" };
  response.writeHead(status, headers).end(JSON.stringify(value));
}
