/**
 * `repositories.json` (behaviours B145): `{"Repositories":{"alpine":{"alpine:3.20":"sha256:..."}}}`, keys in byte order
 * as Go's encoding/json writes maps, mode 0600, no final line feed.
 *
 * Several processes share it. A reader looks at the file's identity and reads again when another process has put a
 * new one there; a writer reads, changes and renames under a lock.
 */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../errors.ts";
import {
  familiarReference,
  goJson,
  isDigest,
  parseReference,
  withDefaultTag,
  type ImageId,
  type Reference,
} from "../oci/index.ts";
import { ensureDirectory, writeAtomically } from "./atomic_write.ts";
import type { WithLock } from "./locks.ts";
import { modes } from "./paths.ts";
import { readIfThere } from "./read_small.ts";
import type { Names } from "./types.ts";

/** The lock under which the file is changed. */
export const namesLock = "store-names";

interface Snapshot {
  /** What tells one version of the file from the next: inode, size and change time. */
  readonly version: string;
  readonly images: ReadonlyMap<string, ImageId>;
}

/** The names kept in the file at `path`. A missing file holds no names. */
export function openNames(path: string, withLock: WithLock): Names {
  return new FileNames(path, withLock);
}

class FileNames implements Names {
  readonly #path: string;
  readonly #withLock: WithLock;
  #snapshot: Snapshot | undefined;

  constructor(path: string, withLock: WithLock) {
    this.#path = path;
    this.#withLock = withLock;
  }

  async all(): Promise<ReadonlyMap<string, ImageId>> {
    return this.#read();
  }

  async namesOf(id: ImageId): Promise<Reference[]> {
    const found = [...this.#read()].filter(([, held]) => held === id);
    return found.map(([name]) => parseReference(name));
  }

  async get(name: Reference): Promise<ImageId | undefined> {
    return this.#read().get(storedName(name).name);
  }

  async set(name: Reference, id: ImageId): Promise<ImageId | undefined> {
    const key = settableName(name);
    return this.#withLock(namesLock, async () => {
      const images = new Map(this.#read());
      const before = images.get(key);
      if (before === id) return undefined;
      images.set(key, id);
      await this.#write(images);
      return before;
    });
  }

  async setAll(names: readonly Reference[], id: ImageId): Promise<void> {
    const keys = names.map(settableName);
    await this.#withLock(namesLock, async () => {
      const images = new Map(this.#read());
      if (keys.every((key) => images.get(key) === id)) return;
      for (const key of keys) images.set(key, id);
      await this.#write(images);
    });
  }

  async remove(name: Reference): Promise<boolean> {
    const { name: key } = storedName(name);
    return this.#withLock(namesLock, async () => {
      const images = new Map(this.#read());
      if (!images.delete(key)) return false;
      await this.#write(images);
      return true;
    });
  }

  #read(): ReadonlyMap<string, ImageId> {
    const version = versionOf(this.#path);
    if (this.#snapshot?.version === version) return this.#snapshot.images;
    const bytes = readIfThere(this.#path);
    const images = bytes === undefined ? new Map<string, ImageId>() : parseNames(bytes, this.#path);
    // Kept only if the file did not change meanwhile; what was read is whole in any case.
    if (versionOf(this.#path) === version) this.#snapshot = { version, images };
    return images;
  }

  async #write(images: ReadonlyMap<string, ImageId>): Promise<void> {
    await ensureDirectory(dirname(this.#path), modes.private);
    await writeAtomically(this.#path, encodeNames(images), modes.privateFile);
    this.#snapshot = undefined;
  }
}

function versionOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? "absent" : `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
}

/**
 * Under which repository and name a reference is kept: by digest alone when it has one (the tag beside a digest
 * says nothing that the digest does not), else by tag.
 */
function storedName(reference: Reference): { repository: string; name: string } {
  const { domain, path, digest } = reference;
  const named = digest === undefined ? withDefaultTag(reference) : { domain, path, digest };
  return { repository: familiarReference({ domain, path }), name: familiarReference(named) };
}

/** The stored name. Throws `Failure("invalid")` for one that would be taken for a digest. */
function settableName(reference: Reference): string {
  const { repository, name } = storedName(reference);
  if (repository === "sha256" || repository === "sha512")
    throw new Failure("invalid", "refusing to create an ambiguous tag using digest algorithm as name");
  return name;
}

/** The repository part of a familiar name: up to `@`, else up to the `:` of the tag. */
function repositoryOf(name: string): string {
  const at = name.indexOf("@");
  return name.slice(0, at === -1 ? name.lastIndexOf(":") : at);
}

/** The bytes of repositories.json for these names. */
export function encodeNames(images: ReadonlyMap<string, ImageId>): string {
  const repositories = new Map<string, Map<string, ImageId>>();
  for (const [name, id] of images) {
    const repository = repositoryOf(name);
    const held = repositories.get(repository) ?? new Map<string, ImageId>();
    repositories.set(repository, held.set(name, id));
  }
  return goJson(new Map([["Repositories", repositories]]), { sortKeys: true });
}

function parseNames(bytes: Buffer, path: string): Map<string, ImageId> {
  const images = new Map<string, ImageId>();
  try {
    const parsed = JSON.parse(bytes.toString("utf8")) as { Repositories?: Record<string, object> | null };
    for (const held of Object.values(parsed.Repositories ?? {})) {
      for (const [name, id] of Object.entries(held)) {
        if (typeof id !== "string" || !isDigest(id)) throw new Error(`${name} names ${JSON.stringify(id)}`);
        images.set(name, id);
      }
    }
  } catch (cause) {
    throw new Failure("corrupt", `cannot read ${path}: ${(cause as Error).message}`, {
      cause,
      hint: "Restore the file, or move it away: images then stay, without names.",
    });
  }
  return images;
}
