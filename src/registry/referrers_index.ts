/**
 * Which manifests of a repository have which subject. The tree tells it: every manifest is read once, and what was read
 * is remembered. So manifests that distribution took, which knows nothing of subjects, are found too, and there is no
 * second truth that could be wrong. `_manifests/referrers.json` only spares reading them all again after a restart.
 */
import { isDigest, type Algorithm, type Digest } from "../oci/index.ts";
import { concurrently } from "./concurrently.ts";
import { readManifest } from "./manifest_document.ts";
import { readRevision } from "./manifest_store.ts";
import { RegistryError } from "./registry_error.ts";
import type { StorageDriver } from "./storage/types.ts";
import { paths } from "./tree.ts";

/** Manifests of all repositories that are remembered. */
const maxRemembered = 200_000;
/** So many manifests that had to be read are worth a write. */
const worthWriting = 50;

/** Subject by manifest; null: it has none. */
type Subjects = Map<Digest, Digest | null>;

export class ReferrersIndex {
  readonly #storage: StorageDriver;
  /** Least recently used first. */
  readonly #known = new Map<string, Subjects>();

  constructor(storage: StorageDriver) {
    this.#storage = storage;
  }

  /** Manifests whose subject this is, sorted. */
  async of(name: string, subject: Digest): Promise<Digest[]> {
    const known = this.#known.get(name) ?? (await this.#load(name));
    const present: Subjects = new Map();
    const unread: Digest[] = [];
    for await (const digest of this.#revisions(name)) {
      const found = known.get(digest);
      if (found === undefined) unread.push(digest);
      else present.set(digest, found);
    }
    const subjects = await concurrently(unread, (digest) => this.#subjectOf(name, digest));
    for (const [i, digest] of unread.entries()) {
      if (subjects[i] !== undefined) present.set(digest, subjects[i]);
    }
    this.#remember(name, present);
    if (unread.length >= worthWriting) await this.#write(name, present).catch(() => undefined);
    return [...present].flatMap(([digest, of]) => (of === subject ? [digest] : [])).sort();
  }

  async *#revisions(name: string): AsyncGenerator<Digest, void, undefined> {
    for await (const { name: algorithm } of this.#storage.list(paths.revisions(name))) {
      for await (const { name: hex } of this.#storage.list(`${paths.revisions(name)}/${algorithm}`)) {
        const digest = `${algorithm as Algorithm}:${hex}` as const;
        if (isDigest(digest)) yield digest;
      }
    }
  }

  /** Undefined while the revision is not there: distribution leaves the directory of one that was deleted. */
  async #subjectOf(name: string, digest: Digest): Promise<Digest | null | undefined> {
    const manifest = await readRevision(this.#storage, name, digest);
    if (manifest === undefined) return undefined;
    try {
      return readManifest(manifest.bytes, manifest.mediaType).subject ?? null;
    } catch (error) {
      // Schema 1, or what somebody put past our checks: it has no subject.
      if (error instanceof RegistryError) return null;
      throw error;
    }
  }

  #remember(name: string, subjects: Subjects): void {
    this.#known.delete(name);
    this.#known.set(name, subjects);
    let count = 0;
    for (const each of this.#known.values()) count += each.size;
    for (const [oldest, { size }] of this.#known) {
      if (count <= maxRemembered || oldest === name) return;
      this.#known.delete(oldest);
      count -= size;
    }
  }

  async #load(name: string): Promise<Subjects> {
    const bytes = await this.#storage.read(paths.referrers(name));
    try {
      const entries = JSON.parse(Buffer.from(bytes ?? []).toString("utf8") || "{}") as Record<
        string,
        unknown
      >;
      return new Map(Object.entries(entries).filter(isEntry));
    } catch {
      return new Map();
    }
  }

  async #write(name: string, subjects: Subjects): Promise<void> {
    const text = JSON.stringify(Object.fromEntries(subjects));
    await this.#storage.write(paths.referrers(name), Buffer.from(text));
  }
}

function isEntry(entry: [string, unknown]): entry is [Digest, Digest | null] {
  const [digest, subject] = entry;
  return isDigest(digest) && (subject === null || (typeof subject === "string" && isDigest(subject)));
}
