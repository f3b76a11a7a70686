/**
 * The blob cache: compressed layers as they travelled, so that a push of what was pulled sends the same bytes
 * (behaviours B129) and a second pull fetches nothing twice.
 *
 * `ROOT/varve/blobs/<algorithm>/<hex>` holds whole, verified blobs; `ROOT/varve/transfers/<hex>.partial` the first
 * bytes of unfinished ones. Docker ignores `ROOT/varve`.
 *
 * Several processes share it without a lock: a blob appears by rename and goes by unlink, so a reader that has it
 * open keeps its bytes, and one that comes too late finds it missing. Use is recorded in the file's mtime, which
 * we set ourselves (atime depends on mount options).
 */
import { mkdirSync, renameSync, statSync, utimesSync } from "node:fs";
import { open, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../errors.ts";
import { algorithmOf, hexOf, isDigest, type BlobDigest, type Digest } from "../oci/index.ts";
import { listIfThere } from "./read_small.ts";
import type { BlobCache } from "./types.ts";

/** 10 GiB: some twenty images of everyday size. */
export const defaultBlobCacheLimit = 10 * 1024 ** 3;

export interface BlobCacheOptions {
  /** Most bytes that whole blobs may take together; 0 keeps none. Partial downloads do not count. */
  readonly limit?: number;
}

interface CachedFile {
  readonly digest: Digest;
  readonly path: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly used: number;
}

/** Milliseconds after which the blobs are counted again. */
const recount = 5000;

const algorithms = ["sha256", "sha512"] as const;
const partialSuffix = ".partial";

/** Opens the cache below `root` (Docker's data root). Nothing is created before the first blob comes. */
export function openBlobCache(root: string, options: BlobCacheOptions = {}): BlobCache {
  return new FolderBlobCache(root, options.limit ?? defaultBlobCacheLimit);
}

/** Where a whole blob lies, if it is there. */
export function blobPath(root: string, digest: BlobDigest): string {
  return join(root, "varve", "blobs", ...checked(digest));
}

class FolderBlobCache implements BlobCache {
  readonly #root: string;
  readonly #transfers: string;
  readonly #limit: number;
  /** Bytes of all blobs at the last count, and of those adopted since. */
  #total = 0;
  #countedAt = 0;

  constructor(root: string, limit: number) {
    this.#root = root;
    this.#transfers = join(root, "varve", "transfers");
    this.#limit = limit;
  }

  async get(digest: BlobDigest): Promise<string | undefined> {
    const path = blobPath(this.#root, digest);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
    const now = new Date();
    // A root on a read-only file system can still be read from; the order of eviction does not matter there.
    await utimes(path, now, now).catch(() => undefined);
    return path;
  }

  partialPath(digest: BlobDigest): string {
    return join(this.#transfers, checked(digest)[1] + partialSuffix);
  }

  async adopt(path: string, digest: BlobDigest, { flushed = false } = {}): Promise<void> {
    const target = blobPath(this.#root, digest);
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    if (!flushed) await sync(path);
    const now = new Date();
    utimesSync(path, now, now);
    const { size } = statSync(path);
    renameSync(path, target);
    this.#total += size;
    // Counting all files for each of a hundred layers would be quadratic; what others add they evict themselves.
    if (this.#total > this.#limit || now.getTime() - this.#countedAt > recount) await this.#evict(target);
  }

  async remove(digest: BlobDigest): Promise<void> {
    await rm(blobPath(this.#root, digest), { force: true });
  }

  async list(): Promise<{ digest: BlobDigest; size: number; partial: boolean }[]> {
    const whole = (await this.#files()).map(({ digest, size }) => ({ digest, size, partial: false }));
    const partial: typeof whole = [];
    for (const name of listIfThere(this.#transfers)) {
      const digest = partialDigest(name);
      const found = digest && (await stat(join(this.#transfers, name)).catch(ignoreMissing));
      if (digest && found) partial.push({ digest, size: found.size, partial: true });
    }
    return [...whole, ...partial].sort((a, b) => (a.digest < b.digest ? -1 : 1));
  }

  async #files(): Promise<CachedFile[]> {
    const files: CachedFile[] = [];
    for (const algorithm of algorithms) {
      const folder = join(this.#root, "varve", "blobs", algorithm);
      for (const name of listIfThere(folder)) {
        const digest = `${algorithm}:${name}`;
        const found = isDigest(digest) && (await stat(join(folder, name)).catch(ignoreMissing));
        if (found) {
          const path = join(folder, name);
          files.push({ digest: digest as Digest, path, size: found.size, used: found.mtimeMs });
        }
      }
    }
    return files;
  }

  /** Drops the least recently used down to the limit; a newcomer that alone is too large goes alone. */
  async #evict(newcomer: string): Promise<void> {
    this.#countedAt = Date.now();
    const files = await this.#files();
    this.#total = files.reduce((sum, file) => sum + file.size, 0);
    if (this.#total <= this.#limit) return;
    const tooLarge = (file: CachedFile) => file.path === newcomer && file.size > this.#limit;
    files.sort((a, b) => Number(tooLarge(b)) - Number(tooLarge(a)) || a.used - b.used);
    for (const file of files) {
      if (this.#total <= this.#limit) return;
      await rm(file.path, { force: true });
      this.#total -= file.size;
    }
  }
}

/** Types do not exist at run time, and a digest from a manifest must never become `../..`. */
function checked(digest: Digest): [algorithm: string, hex: string] {
  if (!isDigest(digest)) throw new Failure("invalid", `invalid digest ${JSON.stringify(digest)}`);
  return [algorithmOf(digest), hexOf(digest)];
}

/** The digest that a partial's file name spells; sha512 has the longer hex. */
function partialDigest(name: string): Digest | undefined {
  if (!name.endsWith(partialSuffix)) return undefined;
  const hex = name.slice(0, -partialSuffix.length);
  const digest = `${hex.length === 128 ? "sha512" : "sha256"}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

/** Bytes reach the disk before the name does: a blob that a power cut left half must not look whole. */
async function sync(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
