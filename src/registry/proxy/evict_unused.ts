/** Drops manifests of upstreams that nobody has pulled for their time; what only they had is then garbage. */
import type { Digest } from "../../oci/index.ts";
import { guardOf } from "../gc/blob_guard.ts";
import { guardedStorage } from "../gc/guarded_storage.ts";
import { digestsIn, repositoryNames, tagNames } from "../gc/tree_files.ts";
import { removeTag, resolveTag } from "../manifest_store.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";

export interface Evicted {
  readonly repository: string;
  readonly digest: Digest;
  readonly tags: readonly string[];
}

/**
 * Runs once, beside requests and on any number of instances: at worst a manifest is fetched again. Tags go before what they
 * lead to. Throws failures of the storage.
 * @param ttlOf milliseconds; 0 of what is our own or is kept for good
 */
export async function* evictUnused(
  storage: StorageDriver,
  ttlOf: (repository: string) => number,
  now: number,
  signal: AbortSignal,
): AsyncGenerator<Evicted, void, undefined> {
  const guarded = guardedStorage(storage, guardOf(storage)).storage;
  for await (const repository of repositoryNames(storage)) {
    const ttl = ttlOf(repository);
    if (ttl === 0) continue;
    signal.throwIfAborted();
    let tagged: Map<Digest, string[]> | undefined;
    for await (const digest of digestsIn(storage, paths.revisions(repository))) {
      const link = await storage.stat(paths.revisionLink(repository, digest));
      if (link === undefined || link.modified + ttl > now) continue;
      tagged ??= await tagsByDigest(storage, repository);
      const tags = tagged.get(digest) ?? [];
      for (const tag of tags) await removeTag(guarded, repository, tag);
      await guarded.remove(paths.revision(repository, digest));
      yield { repository, digest, tags };
    }
  }
}

async function tagsByDigest(storage: StorageDriver, repository: string): Promise<Map<Digest, string[]>> {
  const tagged = new Map<Digest, string[]>();
  for (const tag of await tagNames(storage, repository)) {
    const digest = await resolveTag(storage, repository, tag);
    if (digest !== undefined) tagged.set(digest, [...(tagged.get(digest) ?? []), tag]);
  }
  return tagged;
}
