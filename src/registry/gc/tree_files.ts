/** distribution's tree as garbage collection walks it: which files there are, and what each stands for. */
import { isDigest, type Digest } from "../../oci/index.ts";
import type { StorageDriver } from "../storage/types.ts";
import { isRepositoryName, isTag, isUploadId, paths } from "../tree.ts";

export const blobsRoot = paths.repositories.replace(/repositories$/, "blobs");

/** Names below a path; directories or files alike. */
export async function namesIn(storage: StorageDriver, path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of storage.list(path)) names.push(entry.name);
  return names;
}

/**
 * Repositories below `root`, parents before what is nested in them. A directory is one if it has `_layers`,
 * `_manifests` or `_uploads`.
 * @param root the tree's `repositories`, or its image in the trash
 */
export async function* repositoryNames(
  storage: StorageDriver,
  root: string = paths.repositories,
  prefix = "",
): AsyncIterable<string> {
  const names = await namesIn(storage, prefix === "" ? root : `${root}/${prefix}`);
  if (prefix !== "" && names.some((name) => name.startsWith("_"))) yield prefix;
  for (const name of names) {
    const child = prefix === "" ? name : `${prefix}/${name}`;
    if (!name.startsWith("_") && isRepositoryName(child)) yield* repositoryNames(storage, root, child);
  }
}

/** Digests named by the directories `<algorithm>/<hex>` below a path. A name is no proof that the link is there. */
export async function* digestsIn(storage: StorageDriver, path: string): AsyncIterable<Digest> {
  for (const algorithm of await namesIn(storage, path)) {
    for (const hex of await namesIn(storage, `${path}/${algorithm}`)) {
      const digest = `${algorithm}:${hex}`;
      if (isDigest(digest)) yield digest;
    }
  }
}

export async function tagNames(storage: StorageDriver, name: string): Promise<string[]> {
  return (await namesIn(storage, paths.tags(name))).filter(isTag);
}

export async function uploadIds(storage: StorageDriver, name: string): Promise<string[]> {
  return (await namesIn(storage, `${paths.repositories}/${name}/_uploads`)).filter(isUploadId);
}

/** Digests of all blobs, by the first two hex digits as the tree has them. */
export async function* blobDigests(storage: StorageDriver): AsyncIterable<Digest> {
  for (const algorithm of await namesIn(storage, blobsRoot)) {
    for (const bucket of await namesIn(storage, `${blobsRoot}/${algorithm}`)) {
      for (const hex of await namesIn(storage, `${blobsRoot}/${algorithm}/${bucket}`)) {
        const digest = `${algorithm}:${hex}`;
        if (isDigest(digest)) yield digest;
      }
    }
  }
}

/** The digest that the path of a blob, a link or a tag's index names; undefined for any other path. */
export function digestOfPath(path: string): Digest | undefined {
  const match = /\/(sha256|sha512)\/(?:[0-9a-f]{2}\/)?([0-9a-f]{64,128})\/(?:data|link)$/.exec(path);
  const digest = `${match?.[1]}:${match?.[2]}`;
  return isDigest(digest) ? digest : undefined;
}

export const isBlobPath = (path: string) => path.startsWith(`${blobsRoot}/`);
