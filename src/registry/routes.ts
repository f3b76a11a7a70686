/** URL and method to handler: the table and nothing else. */
import { isDigest } from "../oci/index.ts";
import { answerBlob } from "./blobs.ts";
import { answer, type Exchange } from "./exchange.ts";
import { answerCatalog, answerTags } from "./listings.ts";
import { answerManifest, putManifest } from "./manifests.ts";
import { RegistryError } from "./registry_error.ts";
import type { RegistryStorage } from "./storage.ts";
import type { Scope } from "./token_service.ts";
import { isRepositoryName, isUploadId } from "./tree.ts";
import type { Uploads } from "./uploads.ts";

export interface Route {
  /** What a token must permit. */
  readonly scopes: readonly Scope[];
  handle(): Promise<void>;
}

const named = /^\/v2\/(.+)\/(?:tags\/(list)|manifests\/([^/]+)|blobs\/uploads\/([^/]*)|blobs\/([^/]+))$/;

/** Finds what answers the request. Throws `RegistryError` when nothing does. */
export function routeOf(exchange: Exchange, storage: RegistryStorage, uploads: Uploads): Route {
  const { method, url } = exchange;
  const reading = method === "GET" || method === "HEAD";
  if (url.pathname === "/v2/" && reading) return { scopes: [], handle: () => answerBase(exchange) };
  if (url.pathname === "/v2/_catalog" && reading) {
    const scopes = [{ type: "registry", name: "catalog", actions: ["*"] }];
    return { scopes, handle: () => answerCatalog(exchange, storage) };
  }
  const match = named.exec(decodeURIComponent(url.pathname));
  if (match === null) throw new RegistryError("NAME_UNKNOWN");
  const [, name = "", list, manifest, upload, blob] = match;
  if (!isRepositoryName(name)) throw new RegistryError("NAME_INVALID", [name]);
  const scopes = scopesOf(exchange, name);
  const route = (handle: () => Promise<void>): Route => ({ scopes, handle });
  if (list !== undefined && reading) return route(() => answerTags(exchange, storage, name));
  if (manifest !== undefined) {
    if (reading) return route(() => answerManifest(exchange, storage, name, manifest));
    if (method === "PUT") return route(() => putManifest(exchange, storage, name, manifest));
  }
  if (blob !== undefined && reading) {
    if (!isDigest(blob)) throw new RegistryError("DIGEST_INVALID", [blob]);
    return route(() => answerBlob(exchange, storage, name, blob));
  }
  const session = upload === undefined ? undefined : uploadHandler(exchange, uploads, name, upload);
  if (session === undefined) throw new RegistryError("UNSUPPORTED");
  return route(session);
}

function uploadHandler(
  exchange: Exchange,
  uploads: Uploads,
  name: string,
  uuid: string,
): (() => Promise<void>) | undefined {
  if (uuid === "") return exchange.method === "POST" ? () => uploads.start(exchange, name) : undefined;
  if (!isUploadId(uuid)) throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
  switch (exchange.method) {
    case "PATCH":
      return () => uploads.append(exchange, name, uuid);
    case "PUT":
      return () => uploads.finish(exchange, name, uuid);
    case "GET":
      return () => uploads.status(exchange, name, uuid);
    case "DELETE":
      return () => uploads.cancel(exchange, name, uuid);
    default:
      return undefined;
  }
}

/** Behaviours B170: pushing asks for both actions, a mount also for pull on its source. */
function scopesOf(exchange: Exchange, name: string): Scope[] {
  const { method, url } = exchange;
  if (method === "GET" || method === "HEAD") return [{ type: "repository", name, actions: ["pull"] }];
  const scopes = [{ type: "repository", name, actions: ["pull", "push"] }];
  const from = url.searchParams.get("from");
  if (from !== null && url.searchParams.has("mount")) {
    scopes.push({ type: "repository", name: from, actions: ["pull"] });
  }
  return scopes;
}

async function answerBase(exchange: Exchange): Promise<void> {
  await answer(exchange, 200, { "Content-Type": "application/json; charset=utf-8" }, "{}");
}
