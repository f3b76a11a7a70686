/**
 * `GET|HEAD` of a manifest of an upstream. By digest: what is here is right for good. By tag: the upstream is asked
 * whether the tag still leads there; when it cannot be asked, what is here is given.
 */
import {
  algorithmOf,
  digestOf,
  isDigest,
  maxManifestBytes,
  mediaTypes,
  type Digest,
} from "../../oci/index.ts";
import type { RegistryCore } from "../core.ts";
import type { Exchange } from "../exchange.ts";
import { readManifest, type ManifestDocument } from "../manifest_document.ts";
import { readRevision, removeTag, resolveTag, writeRevision, writeTag } from "../manifest_store.ts";
import { answerManifest } from "../manifests.ts";
import { RegistryError } from "../registry_error.ts";
import { isTag } from "../tree.ts";
import { noteUse } from "./note_use.ts";
import type { ProxyResult } from "./types.ts";
import { viaOf, type Upstream, type UpstreamAnswer } from "./upstream.ts";
import { UpstreamUnavailable, UpstreamUnknown } from "./upstream_failure.ts";

// Without the lists Docker Hub converts what it has, and the digest is another one.
const accept = [
  mediaTypes.ociIndex,
  mediaTypes.dockerList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  "*/*;q=0.5",
].join(", ");

interface Wanted {
  readonly core: RegistryCore;
  readonly upstream: Upstream;
  readonly name: string;
  readonly via: string | undefined;
}

export async function answerMirroredManifest(
  core: RegistryCore,
  exchange: Exchange,
  upstream: Upstream,
  name: string,
  key: string,
): Promise<void> {
  const { watch, label } = upstream;
  const wanted = { core, upstream, name, via: viaOf(exchange) };
  let result: ProxyResult = "failed";
  try {
    if (isDigest(key)) result = await bringManifest(wanted, key);
    else if (isTag(key)) result = await bringTag(wanted, key);
  } finally {
    watch.counted(label, "manifest", result);
  }
  if (result === "stale") exchange.response.setHeader("Warning", '110 - "Response is Stale"');
  const digest = isDigest(key) ? key : await resolveTag(core.storage, name, key);
  if (digest !== undefined) await noteUse(core.storage, upstream, name, digest);
  return answerManifest(core, exchange, name, key);
}

/** Sees to it that the manifest is here. */
async function bringManifest(wanted: Wanted, digest: Digest): Promise<"hit" | "miss"> {
  const { core, upstream, name } = wanted;
  if ((await readRevision(core.storage, name, digest)) !== undefined) return "hit";
  await upstream.flights.do(`${name}@${digest}`, () => fetchManifest(wanted, digest));
  return "miss";
}

/** Sees to it that the tag is here, and leads where it leads at the upstream if that can be had. */
async function bringTag(wanted: Wanted, tag: string): Promise<ProxyResult> {
  const { core, upstream, name } = wanted;
  const { settings, now, checked, flights, watch, label, host } = upstream;
  const key = `${name}:${tag}`;
  const digest = await resolveTag(core.storage, name, tag);
  const isHere = digest !== undefined && (await readRevision(core.storage, name, digest)) !== undefined;
  const last = checked.get(key);
  if (isHere && last !== undefined && now() - last < settings.revalidate) return "hit";
  try {
    // A client is not to wait for each of its tags until an upstream does not answer.
    if (isHere && upstream.isDown) throw new UpstreamUnavailable(host, "has failed just now");
    const current = await flights.do(key, () => refreshTag(wanted, tag));
    checked.set(key, now());
    return isHere && current === digest ? "hit" : "miss";
  } catch (error) {
    if (!isHere || !(error instanceof UpstreamUnavailable)) throw error;
    watch.problem("stale manifest served", { upstream: label, repository: name, tag, error: error.message });
    return "stale";
  }
}

/** Asks where the tag leads; a manifest that is not here yet is fetched. */
async function refreshTag(wanted: Wanted, tag: string): Promise<Digest> {
  const { core, upstream, name, via } = wanted;
  const request = { name, path: `manifests/${tag}`, accept, unknown: "MANIFEST_UNKNOWN", via } as const;
  try {
    const head = await upstream.ask({ ...request, method: "HEAD" });
    head.discard();
    const told = head.headers["docker-content-digest"];
    const digest = typeof told === "string" && isDigest(told) ? told : undefined;
    if (digest === undefined) return await keepTag(core, name, tag, await fetchManifest(wanted, tag));
    await bringManifest(wanted, digest);
    return await keepTag(core, name, tag, digest);
  } catch (error) {
    // What the upstream has taken away must not come back the day it is down.
    if (error instanceof UpstreamUnknown && error.isCertain) await removeTag(core.storage, name, tag);
    throw error;
  }
}

async function keepTag(core: RegistryCore, name: string, tag: string, digest: Digest): Promise<Digest> {
  if ((await resolveTag(core.storage, name, tag)) !== digest) {
    await writeTag(core.storage, name, tag, digest, { onlyNew: false });
  }
  return digest;
}

/** From the upstream into the storage. */
async function fetchManifest(wanted: Wanted, key: string): Promise<Digest> {
  const { core, upstream, name, via } = wanted;
  const path = `manifests/${key}`;
  const request = { name, path, accept, unknown: "MANIFEST_UNKNOWN", via } as const;
  const answer = await upstream.read(request, maxManifestBytes);
  const { bytes } = answer;
  const digest = digestOf(bytes, isDigest(key) ? algorithmOf(key) : "sha256");
  if (isDigest(key) && digest !== key) throw wrong(wanted, `gave a manifest that is not ${key}`);
  const { typeTold, mediaType } = documentOf(wanted, answer);
  await writeRevision(core.storage, name, { digest, bytes, type: typeTold ? undefined : mediaType });
  upstream.used.set(`${name}@${digest}`, upstream.now());
  return digest;
}

/** What we would not take from a client we do not take from an upstream either. */
function documentOf(wanted: Wanted, { headers, bytes }: UpstreamAnswer): ManifestDocument {
  try {
    return readManifest(bytes, headers["content-type"]);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw wrong(wanted, `gave a manifest that is none: ${String(error.items[0]?.detail ?? error.message)}`);
  }
}

function wrong({ upstream, name }: Wanted, reason: string): UpstreamUnavailable {
  upstream.watch.problem("upstream gave a wrong manifest", {
    upstream: upstream.label,
    repository: name,
    reason,
  });
  return new UpstreamUnavailable(upstream.host, reason);
}
