/** `GET /v2/_varve/usage`: the quotas and what is used of them, for who may list the catalog. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Quota } from "../quota/quota.ts";
import type { WatchedAccess } from "./watched_access.ts";

/** False: the path is another one, or there are no quotas. @throws RegistryError for who may not see it */
export async function answerUsage(
  quota: Quota | undefined,
  guard: WatchedAccess,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const path = (request.url ?? "/").split("?", 1)[0];
  if (quota === undefined || path !== "/v2/_varve/usage" || request.method !== "GET") return false;
  const needed = [{ type: "registry", name: "catalog", actions: ["*"] }] as const;
  await guard.authorize({ request, origin: "", needed });
  const body = JSON.stringify({ quotas: await quota.report() });
  response.writeHead(200, { "Content-Type": "application/json; charset=utf-8" }).end(body);
  return true;
}
