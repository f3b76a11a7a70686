/** Path and method to handler: the table and nothing else. */
import { isDigest, type Digest } from "../oci/index.ts";
import type { Action, Scope } from "./access/types.ts";
import { answerBlob, deleteBlob } from "./blobs.ts";
import type { RegistryCore } from "./core.ts";
import { answer, type Exchange } from "./exchange.ts";
import { answerCatalog, answerTags } from "./listings.ts";
import { answerManifest, deleteManifest, putManifest } from "./manifests.ts";
import { answerPlan } from "./plans.ts";
import { mirrorHandlers, type MirroredResource } from "./proxy/mirror_handlers.ts";
import { answerReferrers } from "./referrers.ts";
import { RegistryError } from "./registry_error.ts";
import { isRepositoryName, isUploadId } from "./tree.ts";
import { answerUpload, appendUpload, cancelUpload, finishUpload, startUpload } from "./uploads.ts";

export interface Route {
  /** What a token must permit. */
  readonly scopes: readonly Scope[];
  handle(): Promise<void>;
}

type Handlers = Readonly<Record<string, () => Promise<void>>>;

const named =
  /^\/v2\/(.+)\/(?:tags\/(list)|manifests\/([^/]+)|referrers\/([^/]+)|blobs\/uploads(?:\/([^/]*))?|blobs\/([^/]+)|_varve\/(plan))$/;

/** Finds what answers the request. Throws `RegistryError` when nothing does. */
export function routeOf(core: RegistryCore, exchange: Exchange): Route {
  const path = decoded(exchange.path);
  if (path === "/v2/" || path === "/v2") return routeTo(exchange, [], { GET: () => answerBase(exchange) });
  if (path === "/v2/_catalog") {
    const scopes: Scope[] = [{ type: "registry", name: "catalog", actions: ["*"] }];
    return routeTo(exchange, scopes, { GET: () => answerCatalog(core, exchange) });
  }
  const match = named.exec(path);
  if (match === null) throw new RegistryError("NAME_UNKNOWN");
  const [, name = "", list, manifest, subject, upload, blob, plan] = match;
  if (!isRepositoryName(name)) throw new RegistryError("NAME_INVALID", [name.slice(0, 300)]);
  const scopes = scopesOf(exchange, name);
  const upstream = core.upstreams?.of(name);
  if (upstream !== undefined) {
    const resource = mirroredResource(match);
    return routeTo(exchange, scopes, mirrorHandlers(core, exchange, upstream, name, resource));
  }
  if (list !== undefined) return routeTo(exchange, scopes, { GET: () => answerTags(core, exchange, name) });
  if (manifest !== undefined)
    return routeTo(exchange, scopes, manifestHandlers(core, exchange, name, manifest));
  if (subject !== undefined) {
    const digest = digestIn(subject);
    return routeTo(exchange, scopes, { GET: () => answerReferrers(core, exchange, name, digest) });
  }
  if (blob !== undefined)
    return routeTo(exchange, scopes, blobHandlers(core, exchange, name, digestIn(blob)));
  if (plan !== undefined) return routeTo(exchange, scopes, { POST: () => answerPlan(core, exchange, name) });
  return routeTo(exchange, scopes, uploadHandlers(core, exchange, name, upload ?? ""));
}

function routeTo(exchange: Exchange, scopes: readonly Scope[], handlers: Handlers): Route {
  const method = exchange.method === "HEAD" ? "GET" : exchange.method;
  const handle = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
  if (handle !== undefined) return { scopes, handle };
  const allowed = Object.keys(handlers).flatMap((each) => (each === "GET" ? ["GET", "HEAD"] : [each]));
  throw new RegistryError("UNSUPPORTED", [undefined], { Allow: allowed.join(", ") });
}

function mirroredResource([, , list, key, subject, , blob]: RegExpExecArray): MirroredResource {
  if (list !== undefined) return { kind: "tags" };
  if (key !== undefined) return { kind: "manifest", key };
  if (subject !== undefined) return { kind: "referrers", subject: digestIn(subject) };
  return blob === undefined ? { kind: "upload" } : { kind: "blob", digest: digestIn(blob) };
}

function manifestHandlers(core: RegistryCore, exchange: Exchange, name: string, key: string): Handlers {
  return {
    GET: () => answerManifest(core, exchange, name, key),
    PUT: () => putManifest(core, exchange, name, key),
    ...(core.deletion && { DELETE: () => deleteManifest(core, exchange, name, key) }),
  };
}

function blobHandlers(core: RegistryCore, exchange: Exchange, name: string, digest: Digest): Handlers {
  return {
    GET: () => answerBlob(core, exchange, name, digest),
    ...(core.deletion && { DELETE: () => deleteBlob(core, exchange, name, digest) }),
  };
}

function uploadHandlers(core: RegistryCore, exchange: Exchange, name: string, uuid: string): Handlers {
  if (uuid === "") return { POST: () => startUpload(core, exchange, name) };
  if (!isUploadId(uuid)) throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
  return {
    GET: () => answerUpload(core, exchange, name, uuid),
    PATCH: () => appendUpload(core, exchange, name, uuid),
    PUT: () => finishUpload(core, exchange, name, uuid),
    DELETE: () => cancelUpload(core, exchange, name, uuid),
  };
}

/** Behaviours B170: pushing asks for both actions, a mount also for pull on its source. */
function scopesOf(exchange: Exchange, name: string): Scope[] {
  const { method, query, path } = exchange;
  const deleting = method === "DELETE" && !path.includes("/blobs/uploads");
  const writing: readonly Action[] = deleting ? ["delete"] : ["pull", "push"];
  const scopes: Scope[] = [
    { type: "repository", name, actions: method === "GET" || method === "HEAD" ? ["pull"] : writing },
  ];
  const from = query.get("from");
  if (from !== null && query.has("mount") && isRepositoryName(from)) {
    scopes.push({ type: "repository", name: from, actions: ["pull"] });
  }
  return scopes;
}

/** Once, and before anything is compared: `%2e%2e` is two dots, and two dots are in no name. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new RegistryError("NAME_INVALID", [path.slice(0, 300)]);
  }
}

function digestIn(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryError("DIGEST_INVALID", [text.slice(0, 200)]);
}

async function answerBase(exchange: Exchange): Promise<void> {
  await answer(exchange, 200, { "Content-Type": "application/json; charset=utf-8" }, "{}");
}
