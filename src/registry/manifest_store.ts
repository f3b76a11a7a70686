/** Manifests and tags as they lie in the tree (behaviours B158, B168). */
import type { Digest } from "../oci/index.ts";
import { concurrently } from "./concurrently.ts";
import { typeToldBy } from "./manifest_document.ts";
import type { StorageDriver } from "./storage/types.ts";
import { paths, readLink } from "./tree.ts";

export interface StoredManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** What the tag leads to. */
export async function resolveTag(
  storage: StorageDriver,
  name: string,
  tag: string,
): Promise<Digest | undefined> {
  return readLink(await storage.read(paths.tagCurrent(name, tag)));
}

/** Under which digest the repository keeps the manifest; undefined if it has none. */
export async function findRevision(
  storage: StorageDriver,
  name: string,
  digest: Digest,
): Promise<Digest | undefined> {
  return readLink(await storage.read(paths.revisionLink(name, digest)));
}

/** A manifest of the repository with its bytes; undefined if it has none. */
export async function readRevision(
  storage: StorageDriver,
  name: string,
  digest: Digest,
): Promise<StoredManifest | undefined> {
  const target = await findRevision(storage, name, digest);
  const bytes = target && (await storage.read(paths.blob(target)));
  if (bytes === undefined) return undefined;
  const told = typeToldBy(bytes);
  const written = told.certain ? undefined : await storage.read(paths.revisionType(name, digest));
  const mediaType =
    (written && Buffer.from(written).toString("utf8")) ?? told.type ?? "application/octet-stream";
  return { digest, bytes, mediaType };
}

/** The manifest is whole and durable before its link is there. @param type to be kept where the bytes do not tell it */
export async function writeRevision(
  storage: StorageDriver,
  name: string,
  manifest: { readonly digest: Digest; readonly bytes: Uint8Array; readonly type: string | undefined },
): Promise<void> {
  const { digest, bytes, type } = manifest;
  await storage.write(paths.blob(digest), bytes);
  if (type !== undefined) await storage.write(paths.revisionType(name, digest), Buffer.from(type));
  await storage.write(paths.revisionLink(name, digest), Buffer.from(digest));
}

/**
 * Lets the tag lead to the manifest. The link that counts comes first, the entry in the tag's history after it: a kill
 * between them leaves a tag that resolves.
 * @param options.onlyNew false is returned when the tag exists already
 */
export async function writeTag(
  storage: StorageDriver,
  name: string,
  tag: string,
  digest: Digest,
  options: { readonly onlyNew: boolean },
): Promise<boolean> {
  const [current, link] = [paths.tagCurrent(name, tag), Buffer.from(digest)];
  if (!options.onlyNew) await storage.write(current, link);
  else if (!(await storage.writeNew(current, link))) return false;
  await storage.write(paths.tagIndex(name, tag, digest), link);
  // Somebody deleted the tag meanwhile; its history alone would make it be listed.
  if ((await storage.stat(current)) === undefined) await storage.remove(paths.tagIndex(name, tag, digest));
  return true;
}

/** History first: at any moment a tag that is listed resolves. */
export async function removeTag(storage: StorageDriver, name: string, tag: string): Promise<void> {
  await storage.remove(paths.tagIndexes(name, tag));
  await storage.remove(paths.tag(name, tag));
}

/** All tags of the repository, sorted. */
export async function listTags(storage: StorageDriver, name: string): Promise<string[]> {
  const tags: string[] = [];
  for await (const entry of storage.list(paths.tags(name))) tags.push(entry.name);
  return tags;
}

/** The tags that lead to the manifest now. */
export async function tagsOn(storage: StorageDriver, name: string, digest: Digest): Promise<string[]> {
  const tags = await listTags(storage, name);
  const digests = await concurrently(tags, (tag) => resolveTag(storage, name, tag));
  return tags.filter((_, i) => digests[i] === digest);
}
