/** Takes deleted tags and manifests out of the trash, with all that they lead to. */
import type { Digest } from "../../oci/index.ts";
import { Failure } from "../../errors.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths, readLink } from "../tree.ts";
import { guardOf } from "./blob_guard.ts";
import { systemClock, type GcClock } from "./gc_clock.ts";
import { referencesOf } from "./references.ts";
import { copyBack, trashEntries, walkTrash, type ThrownBy } from "./trash.ts";
import { digestOfPath, repositoryNames } from "./tree_files.ts";

export interface UndeleteOptions {
  readonly clock?: GcClock;
  readonly signal?: AbortSignal;
}

/** A tag or a manifest that can be undeleted until its entry is purged. */
export interface DeletedItem {
  readonly repository: string;
  readonly tag?: string;
  readonly digest: Digest;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly by: ThrownBy;
}

/** What lies in the trash, repository by repository. */
export async function* deletedItems(storage: StorageDriver): AsyncIterable<DeletedItem> {
  for await (const repository of repositoriesInTrash(storage)) yield* deletedIn(storage, repository);
}

/** Repositories that something was thrown away of, in the order of a walk. */
export function repositoriesInTrash(storage: StorageDriver): AsyncIterable<string> {
  return repositoryNames(storage, `varve/trash/${paths.repositories}`);
}

/** What of one repository lies in the trash. */
export async function* deletedIn(storage: StorageDriver, repository: string): AsyncIterable<DeletedItem> {
  for await (const { path, at, by, place } of walkTrash(storage, paths.manifests(repository))) {
    const tag = /\/_manifests\/tags\/([^/]+)\/current\/link$/.exec(path)?.[1];
    const digest = tag === undefined ? digestOfPath(path) : readLink(await storage.read(place));
    if (digest === undefined || (tag === undefined && !path.includes("/revisions/"))) continue;
    yield { repository, ...(tag !== undefined && { tag }), digest, at, by };
  }
}

/**
 * Restores a tag, or a manifest by digest. Blobs come first and the tag last. Returns the manifest's digest. Throws
 * `Failure("not-found")` if it, or part of it, is no longer in the trash, and `Failure("conflict")` if the tag exists.
 */
export async function undelete(
  storage: StorageDriver,
  repository: string,
  tagOrDigest: { readonly tag: string } | { readonly digest: Digest },
  options: UndeleteOptions = {},
): Promise<Digest> {
  const { clock = systemClock, signal = new AbortController().signal } = options;
  const restorer = new Restorer(storage, clock, signal);
  if ("digest" in tagOrDigest) {
    await restorer.manifest(repository, tagOrDigest.digest);
    return tagOrDigest.digest;
  }
  const { tag } = tagOrDigest;
  const path = paths.tagCurrent(repository, tag);
  if ((await storage.stat(path)) !== undefined) {
    throw new Failure("conflict", `cannot undelete ${repository}:${tag}: there is such a tag`);
  }
  const entry = (await trashEntries(storage, path))[0];
  const digest = readLink(entry && (await storage.read(entry.place)));
  if (digest === undefined) {
    throw new Failure("not-found", `cannot undelete ${repository}:${tag}: it is not in the trash`);
  }
  await restorer.manifest(repository, digest);
  await restoreTagLinks(storage, repository, tag, digest, clock);
  return digest;
}

/** Writes a tag, its index first; the manifest must be there. */
export async function restoreTagLinks(
  storage: StorageDriver,
  repository: string,
  tag: string,
  digest: Digest,
  clock: GcClock,
): Promise<void> {
  const links = [paths.tagIndex(repository, tag, digest), paths.tagCurrent(repository, tag)];
  await guardOf(storage, clock).claim(links);
  for (const link of links) await storage.write(link, Buffer.from(digest));
}

/** Brings manifests back with all that they lead to; what is at its place is claimed and left alone. */
export class Restorer {
  readonly #storage: StorageDriver;
  readonly #clock: GcClock;
  readonly #signal: AbortSignal;
  readonly #done = new Set<string>();

  constructor(storage: StorageDriver, clock: GcClock, signal: AbortSignal) {
    this.#storage = storage;
    this.#clock = clock;
    this.#signal = signal;
  }

  async manifest(repository: string, digest: Digest): Promise<void> {
    const revision = paths.revisionLink(repository, digest);
    if (this.#done.has(revision)) return;
    this.#done.add(revision);
    await this.#file(paths.blob(digest));
    const named = referencesOf((await this.#storage.read(paths.blob(digest))) ?? new Uint8Array());
    for (const blob of named?.blobs ?? []) {
      await this.#file(paths.blob(blob));
      await this.#file(paths.layerLink(repository, blob));
    }
    for (const member of named?.manifests ?? []) await this.manifest(repository, member);
    // Where the core keeps a media type beside, it comes back with its manifest.
    await this.#file(paths.revisionType(repository, digest)).catch(() => undefined);
    await this.#file(revision);
  }

  async #file(path: string): Promise<void> {
    await guardOf(this.#storage, this.#clock).claim([path]);
    if ((await this.#storage.stat(path)) !== undefined) return;
    for (const entry of await trashEntries(this.#storage, path)) {
      // What fsck threw away is damaged.
      if (entry.by !== "fsck" && (await copyBack(this.#storage, entry, this.#clock, this.#signal))) return;
    }
    throw new Failure("not-found", `cannot undelete ${path}: it is not in the trash any more`);
  }
}
