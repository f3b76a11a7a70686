/** What of one repository is alive, and through what. */
import { algorithmOf, digestOf, maxManifestBytes, type Digest } from "../../oci/index.ts";
import { concurrently } from "../concurrently.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths, readLink } from "../tree.ts";
import { referencesOf, type References } from "./references.ts";
import { trashEntries, trashOf, type TrashEntry } from "./trash.ts";
import { digestsIn, namesIn, tagNames } from "./tree_files.ts";

/** A step of the way from a tag to a digest; the layers of a manifest share one. */
export interface Reason {
  /** `manifest sha256:…`, `tag a/b:v1`. */
  readonly by: string;
  readonly because?: Reason;
}

export interface MarkedRepository {
  readonly name: string;
  readonly revisions: readonly Digest[];
  readonly manifests: ReadonlyMap<Digest, Reason>;
  readonly blobs: ReadonlyMap<Digest, Reason>;
  /**
   * Under which digests the bytes of all these lie. distribution keeps what came as sha512 under its sha256, and the link
   * of the former name holds the latter.
   */
  readonly contents: ReadonlyMap<Digest, Reason>;
  /** Manifests that could not be read: whatever they name is unknown, so all of the repository is kept. */
  readonly unreadable: readonly Digest[];
}

export interface MarkOptions {
  /** Only tags keep manifests alive. */
  readonly untagged: boolean;
}

export function reasonText(reason: Reason | undefined): string {
  const parts: string[] = [];
  for (let step = reason; step !== undefined; step = step.because) parts.push(`<- ${step.by}`);
  return parts.join(" ");
}

/**
 * Follows tags (and revisions) to manifests, indexes to their members, subjects to what refers to them. Reads only.
 * A failure of the storage is thrown: what cannot be listed must not look like what is not there.
 */
export async function markRepository(
  storage: StorageDriver,
  name: string,
  options: MarkOptions,
): Promise<MarkedRepository> {
  const tags = await tagsOf(storage, name);
  const revisions = await revisionsOf(storage, name);
  const known = [...new Set([...revisions, ...tags.map((tag) => tag.digest)])];
  const read = await concurrently(known, async (digest) =>
    readDocument(storage, await revisionContent(storage, name, digest)),
  );
  const documents = new Map(known.map((digest, i) => [digest, read[i] as Document]));
  const mark = new Mark(storage, name, documents, new Set(revisions));
  for (const { tag, digest } of tags) await mark.manifest(digest, { by: `tag ${name}:${tag}` });
  for (const digest of revisions) {
    if (typeof documents.get(digest) === "string") {
      await mark.manifest(digest, { by: `revision of ${name}, which cannot be read` });
    } else if (!options.untagged) await mark.manifest(digest, { by: `revision of ${name}` });
  }
  const { manifests, blobs, unreadable } = mark;
  for await (const digest of unreadable.length === 0 ? [] : digestsIn(storage, paths.layers(name))) {
    mark.blob(digest, { by: `link of ${name}, where manifest ${unreadable[0]} cannot be read` });
  }
  const contents = new Map<Digest, Reason>();
  for (const [digest, reason] of manifests) {
    contents.set(await revisionContent(storage, name, digest), reason);
  }
  for (const [digest, reason] of blobs) {
    contents.set(await contentOf(storage, paths.layerLink(name, digest), digest), reason);
  }
  return { name, revisions, manifests, blobs, contents, unreadable };
}

/** `absent`: it is nowhere, neither at its place nor in the trash; `damaged`: it is not what its digest says. */
type Document = References | "absent" | "damaged";

class Mark {
  readonly manifests = new Map<Digest, Reason>();
  readonly blobs = new Map<Digest, Reason>();
  readonly unreadable: Digest[] = [];
  readonly #storage: StorageDriver;
  readonly #name: string;
  readonly #documents: Map<Digest, Document>;
  readonly #revisions: ReadonlySet<Digest>;
  readonly #referrers = new Map<Digest, Digest[]>();

  constructor(
    storage: StorageDriver,
    name: string,
    documents: Map<Digest, Document>,
    revisions: ReadonlySet<Digest>,
  ) {
    this.#storage = storage;
    this.#name = name;
    this.#documents = documents;
    this.#revisions = revisions;
    for (const [digest, named] of documents) {
      if (typeof named === "string" || named.subject === undefined) continue;
      this.#referrers.set(named.subject, [...(this.#referrers.get(named.subject) ?? []), digest]);
    }
  }

  blob(digest: Digest, reason: Reason): void {
    if (!this.blobs.has(digest)) this.blobs.set(digest, reason);
  }

  /** Iterative: indexes may be nested as deep as their author likes. */
  async manifest(root: Digest, reason: Reason): Promise<void> {
    const waiting: [Digest, Reason][] = [[root, reason]];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [digest, why] = next;
      if (this.manifests.has(digest)) continue;
      if (await this.#isBlob(digest)) {
        this.blob(digest, why);
        continue;
      }
      this.manifests.set(digest, why);
      const named = await this.#document(digest);
      // An index may outlive a member that a request deleted: link and bytes are gone, and nothing is unknown.
      if (named === "damaged" || (named === "absent" && this.#revisions.has(digest))) {
        this.unreadable.push(digest);
      }
      const step: Reason = { by: `manifest ${digest}`, because: why };
      const { blobs, manifests } = typeof named === "string" ? nothing : named;
      for (const blob of blobs) this.blob(blob, step);
      for (const child of manifests) waiting.push([child, step]);
      for (const referrer of this.#referrers.get(digest) ?? []) {
        waiting.push([referrer, { by: `subject ${digest}`, because: why }]);
      }
    }
  }

  /** An index may list blobs: BuildKit's cache does, and they may be large. */
  async #isBlob(digest: Digest): Promise<boolean> {
    if (this.#documents.has(digest)) return false;
    const link = paths.layerLink(this.#name, digest);
    return (
      (await this.#storage.stat(link)) !== undefined || (await trashedByGc(this.#storage, link)) !== undefined
    );
  }

  async #document(digest: Digest): Promise<Document> {
    // A member of an index without a revision here: its link may lie in the trash.
    const known = this.#documents.get(digest) ?? (await readDocument(this.#storage, digest));
    this.#documents.set(digest, known);
    return known;
  }
}

const nothing: References = { blobs: [], manifests: [], subject: undefined };

interface Tag {
  readonly tag: string;
  readonly digest: Digest;
}

async function tagsOf(storage: StorageDriver, name: string): Promise<Tag[]> {
  const names = [...(await tagNames(storage, name)), ...(await namesIn(storage, trashOf(paths.tags(name))))];
  return (await concurrently([...new Set(names)], (tag) => readTag(storage, name, tag))).flat();
}

async function readTag(storage: StorageDriver, name: string, tag: string): Promise<Tag[]> {
  const path = paths.tagCurrent(name, tag);
  // A retention that was killed may have left it in the trash without having asked whether it is in use again.
  const bytes = (await storage.read(path)) ?? (await readTrashed(storage, path));
  const digest = readLink(bytes);
  if (digest !== undefined) return [{ tag, digest }];
  const earlier: Tag[] = [];
  // Damaged: until fsck has mended it, it may be any of those that it has led to.
  for await (const each of bytes === undefined ? [] : digestsIn(storage, paths.tagIndexes(name, tag))) {
    earlier.push({ tag, digest: each });
  }
  return earlier;
}

/** A damaged link counts: its path tells what it should say. */
async function revisionsOf(storage: StorageDriver, name: string): Promise<Digest[]> {
  const listed = await Array.fromAsync(digestsIn(storage, paths.revisions(name)));
  const found = await concurrently(listed, (digest) => storage.stat(paths.revisionLink(name, digest)));
  return listed.filter((_, i) => found[i] !== undefined);
}

/** From its place or from the trash. What is no JSON has no references: the registry takes manifests of any type. */
async function readDocument(storage: StorageDriver, digest: Digest): Promise<Document> {
  const path = paths.blob(digest);
  const size = (await storage.stat(path))?.size ?? 0;
  if (size > maxManifestBytes) return nothing;
  const bytes = (await storage.read(path)) ?? (await readTrashed(storage, path));
  if (bytes === undefined) return "absent";
  if (digestOf(bytes, algorithmOf(digest)) !== digest) return "damaged";
  return referencesOf(bytes) ?? nothing;
}

const revisionContent = (storage: StorageDriver, name: string, digest: Digest) =>
  contentOf(storage, paths.revisionLink(name, digest), digest);

/** Links of sha256 hold their own name. */
async function contentOf(storage: StorageDriver, link: string, digest: Digest): Promise<Digest> {
  if (algorithmOf(digest) === "sha256") return digest;
  return readLink((await storage.read(link)) ?? (await readTrashed(storage, link))) ?? digest;
}

async function readTrashed(storage: StorageDriver, path: string): Promise<Uint8Array | undefined> {
  const entry = await trashedByGc(storage, path);
  return entry && storage.read(entry.place);
}

async function trashedByGc(storage: StorageDriver, path: string): Promise<TrashEntry | undefined> {
  const newest = (await trashEntries(storage, path))[0];
  return newest?.by === "gc" ? newest : undefined;
}
