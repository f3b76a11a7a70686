/**
 * `ROOT/varve/build-cache/` as files: `records/<key>.json`, and for each record with layers an empty file
 * `holds/<top>-<key>`. Names tell all that is asked by those who look for users of layers: one directory is read, not
 * thousands of records.
 *
 * A record comes before its hold and goes after it. So a kill leaves at most a record that holds nothing, which is as good
 * as none once its layers are gone, never a layer that is held for nothing.
 */
import { existsSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../errors.ts";
import { hexOf, isDigest, type ChainId, type Digest } from "../../oci/index.ts";
import { ensureDirectory, writeUnsynced } from "../atomic_write.ts";
import { modes } from "../paths.ts";
import { isMissing, listIfThere, readIfThere } from "../read_small.ts";
import { decodeRecord, encodeRecord } from "./record.ts";
import type { CacheEntry, CacheRecord } from "./types.ts";

/** A record's claim on a stack of layers. */
export interface Hold {
  readonly top: ChainId;
  readonly key: Digest;
}

export function buildCacheFolder(root: string): string {
  return join(root, "varve", "build-cache");
}

/** Directories that `RUN --mount=type=cache` keeps: their content is the steps' own. */
export function cacheMountsFolder(root: string): string {
  return join(buildCacheFolder(root), "mounts");
}

/** Everything that holds layers. Reads one directory; none where nothing was built. */
export function readHolds(root: string): Hold[] {
  const holds: Hold[] = [];
  for (const name of listIfThere(join(buildCacheFolder(root), "holds"))) {
    const [top, key] = name.split("-").map((hex): string => `sha256:${hex}`);
    if (top !== undefined && key !== undefined && isDigest(top) && isDigest(key)) {
      holds.push({ top: top as ChainId, key });
    }
  }
  return holds;
}

export class CacheFolder {
  readonly #records: string;
  readonly #holds: string;

  constructor(root: string) {
    this.#records = join(buildCacheFolder(root), "records");
    this.#holds = join(buildCacheFolder(root), "holds");
  }

  /** Keys of all records, whole or not. */
  keys(): Digest[] {
    return listIfThere(this.#records)
      .map((name) => `sha256:${name.replace(/\.json$/, "")}`)
      .filter((key): key is Digest => isDigest(key));
  }

  has(key: Digest): boolean {
    return existsSync(this.#recordPath(key));
  }

  /** Undefined where there is none, or it is not whole. */
  read(key: Digest): CacheRecord | undefined {
    const bytes = readIfThere(this.#recordPath(key));
    return bytes === undefined ? undefined : decodeRecord(key, bytes);
  }

  /** Undefined where there is none. */
  lastUsed(key: Digest): Date | undefined {
    return statSync(this.#recordPath(key), { throwIfNoEntry: false })?.mtime;
  }

  entry(key: Digest): CacheEntry | undefined {
    const record = this.read(key);
    const lastUsed = this.lastUsed(key);
    return record === undefined || lastUsed === undefined ? undefined : { ...record, lastUsed };
  }

  async write(record: CacheRecord): Promise<void> {
    await ensureDirectory(this.#records, modes.private);
    const before = this.read(record.key);
    if (before?.top !== undefined && before.top !== record.top) this.release(before.key, before.top);
    writeUnsynced(this.#recordPath(record.key), encodeRecord(record), modes.privateFile);
    if (record.top !== undefined) await this.hold(record.key, record.top);
  }

  async hold(key: Digest, top: ChainId): Promise<void> {
    const path = this.#holdPath(key, top);
    if (existsSync(path)) return;
    await ensureDirectory(this.#holds, modes.private);
    writeFileSync(path, "", { mode: modes.privateFile });
  }

  release(key: Digest, top: ChainId): void {
    unlinkIfThere(this.#holdPath(key, top));
  }

  /** Its hold has to be released before. */
  remove(key: Digest): void {
    unlinkIfThere(this.#recordPath(key));
  }

  markUsed(key: Digest): void {
    const now = new Date();
    utimesSync(this.#recordPath(key), now, now);
  }

  /** Throws `Failure("invalid")` for what is no sha256: keys come from other machines, too. */
  #recordPath(key: Digest): string {
    return `${this.#records}/${sha256Hex(key)}.json`;
  }

  #holdPath(key: Digest, top: ChainId): string {
    return `${this.#holds}/${sha256Hex(top)}-${sha256Hex(key)}`;
  }
}

function sha256Hex(digest: Digest): string {
  if (isDigest(digest) && digest.startsWith("sha256:")) return hexOf(digest);
  throw new Failure("invalid", `invalid key ${JSON.stringify(digest)} in the build cache`);
}

/** rmSync takes ten times as long, and thousands go at once. */
function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
