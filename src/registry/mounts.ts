/** A blob that another repository has becomes this one's as well, without an upload (behaviours B164). */
import { isDigest, type Digest } from "../oci/index.ts";
import { findBlob, linkBlob } from "./blobs.ts";
import type { RegistryCore } from "./core.ts";
import { actorOf, type Exchange } from "./exchange.ts";
import { RegistryError } from "./registry_error.ts";
import { isRepositoryName, paths } from "./tree.ts";

/**
 * Does what `?mount=<digest>[&from=<repository>]` asks for. Undefined when it cannot be had, then the client uploads.
 * Without `from` it is looked for wherever this instance has seen it and the client may pull.
 */
export async function mountBlob(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
): Promise<Digest | undefined> {
  const digest = exchange.query.get("mount") ?? "";
  if (!isDigest(digest)) return undefined;
  const from = exchange.query.get("from");
  const source =
    from === null ? await findAnywhere(core, exchange, name, digest) : await findIn(core, from, digest);
  if (source === undefined) return undefined;
  const { target, size } = source;
  const actor = actorOf(exchange);
  await core.policy.beforeBlob?.({ repository: name, actor, digest, size, uploadId: undefined });
  await linkBlob(core.storage, name, digest, target);
  // Gone for good between the look and the link: a trash that was kept too short, or another server's doing.
  if ((await core.storage.stat(paths.blob(target))) === undefined) {
    await core.storage.remove(paths.layerLink(name, digest));
    return undefined;
  }
  core.sightings.saw(digest, name);
  const told = { repository: name, digest, size, mediaType: "application/octet-stream" };
  core.tell(exchange, { action: "mount", kind: "blob", ...told, ...(source.from && { from: source.from }) });
  return digest;
}

/** Where the client may have the blob from: the repositories that it names, then those where this instance has seen it. */
export async function findSource(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  digest: Digest,
  named: readonly string[],
): Promise<Source | undefined> {
  for (const from of named) {
    const source = (await mayPull(core, exchange, from)) ? await findIn(core, from, digest) : undefined;
    if (source !== undefined) return source;
  }
  return findAnywhere(core, exchange, name, digest);
}

interface Source {
  readonly target: Digest;
  readonly size: number;
  readonly from?: string;
}

async function findIn(core: RegistryCore, from: string, digest: Digest): Promise<Source | undefined> {
  const blob = isRepositoryName(from) ? await findBlob(core.keeping, from, digest) : undefined;
  return blob && { ...blob, from };
}

async function findAnywhere(
  core: RegistryCore,
  exchange: Exchange,
  name: string,
  digest: Digest,
): Promise<Source | undefined> {
  for (const from of [name, ...core.sightings.of(digest)]) {
    if (from !== name && !(await mayPull(core, exchange, from))) continue;
    const source = await findIn(core, from, digest);
    if (source !== undefined) return source;
  }
  if (core.access !== undefined) return undefined;
  // Who may pull from everywhere may have what is anywhere.
  const stored = await core.keeping.stat(paths.blob(digest));
  return stored?.kind === "file" ? { target: digest, size: stored.size } : undefined;
}

async function mayPull(core: RegistryCore, exchange: Exchange, name: string): Promise<boolean> {
  const needed = [{ type: "repository", name, actions: ["pull"] }] as const;
  const { request, origin } = exchange;
  try {
    await core.access?.authorize({ request, origin, needed });
    return true;
  } catch (error) {
    if (error instanceof RegistryError) return false;
    throw error;
  }
}
