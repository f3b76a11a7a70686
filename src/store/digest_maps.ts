/**
 * `distribution/`: which blob unpacks to which layer (B143), and in which repositories a layer's blob was seen (B144).
 * Facts about content stay true when an image is removed, so nothing here is ever deleted with an image.
 */
import { createHmac } from "node:crypto";
import { dirname } from "node:path";
import { goJson, isDigest, type BlobDigest, type DiffId } from "../oci/index.ts";
import type { SeenBlob } from "../bytes/index.ts";
import { ensureDirectory, writeAtomically, writeUnsynced } from "./atomic_write.ts";
import type { WithLock } from "./locks.ts";
import { modes, type StorePaths } from "./paths.ts";
import { readIfThere, readTextIfThere } from "./read_small.ts";
import type { DigestMaps } from "./types.ts";

/** One element of a `v2metadata-by-diffid` file, in Docker's spelling and key order. */
export interface SeenRecord {
  readonly Digest: BlobDigest;
  readonly SourceRepository: string;
  readonly HMAC: string;
}

/** Held while the maps change. */
export const mapsLock = "store-maps";

/** Docker keeps the newest fifty (moby, distribution/metadata, maxMetadata). */
const mostRecords = 50;

/** The maps of one store. */
export function openDigestMaps(paths: StorePaths, withLock: WithLock): DigestMaps {
  return {
    async diffIdOf(blob) {
      const text = readTextIfThere(paths.diffIdByDigest(blob));
      return text !== undefined && isDigest(text) ? text : undefined;
    },

    /** Newest first; one element per blob and repository. */
    async seenAt(diffId) {
      const seen = new Map<string, SeenBlob>();
      for (const { Digest, SourceRepository } of readRecords(paths, diffId).reverse()) {
        const key = `${Digest} ${SourceRepository}`;
        if (!seen.has(key)) seen.set(key, { digest: Digest, repository: SourceRepository });
      }
      return [...seen.values()];
    },

    async add(diffId, seen, hmacKey) {
      const record = recordOf(seen, hmacKey);
      await withLock(mapsLock, async () => {
        for (const [path, content] of changesFor(paths, diffId, record)) {
          await makeFolder(paths, path);
          await writeAtomically(path, content, modes.sharedFile);
        }
      });
    },

    async addAll(facts) {
      if (facts.length === 0) return;
      await withLock(mapsLock, async () => {
        for (const { diffId, seen } of facts) {
          for (const [path, content] of changesFor(paths, diffId, recordOf(seen, undefined))) {
            await makeFolder(paths, path);
            writeUnsynced(path, content, modes.sharedFile);
          }
        }
      });
    },
  };
}

/**
 * The HMAC that marks a record as pushed with certain credentials: over digest and repository, keyed with the text
 * `sha256:<hex>` that is the digest of the credentials' JSON (moby, ComputeV2MetadataHMAC). Hexadecimal.
 */
export function hmacOf(seen: SeenBlob, key: string): string {
  return createHmac("sha256", key).update(seen.digest).update(seen.repository).digest("hex");
}

function recordOf(seen: SeenBlob, hmacKey: string | undefined): SeenRecord {
  const HMAC = hmacKey === undefined ? "" : hmacOf(seen, hmacKey);
  return { Digest: seen.digest, SourceRepository: seen.repository, HMAC };
}

function isSame(a: SeenRecord | undefined, b: SeenRecord): boolean {
  return (
    a !== undefined && a.Digest === b.Digest && a.SourceRepository === b.SourceRepository && a.HMAC === b.HMAC
  );
}

/** Oldest first, as they lie. A file that cannot be read counts as empty, as in Docker: it is only a memory aid. */
function readRecords(paths: StorePaths, diffId: DiffId): SeenRecord[] {
  const bytes = readIfThere(paths.metadataByDiffId(diffId));
  if (bytes === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(bytes.toString("utf8"));
    return Array.isArray(parsed) ? parsed.filter(isRecord) : [];
  } catch {
    return [];
  }
}

function isRecord(value: unknown): value is SeenRecord {
  if (typeof value !== "object" || value === null) return false;
  const { Digest, SourceRepository, HMAC } = value as Partial<Record<keyof SeenRecord, unknown>>;
  return (
    typeof Digest === "string" &&
    isDigest(Digest) &&
    typeof SourceRepository === "string" &&
    typeof HMAC === "string"
  );
}

/** Files that do not say yet what `record` says, and what they are to hold. */
function changesFor(
  paths: StorePaths,
  diffId: DiffId,
  record: SeenRecord,
): readonly [path: string, content: string][] {
  const before = readRecords(paths, diffId);
  const others = before.filter((held) => !isSame(held, record));
  const unchanged = others.length === before.length - 1 && isSame(before.at(-1), record);
  const digestFile = paths.diffIdByDigest(record.Digest);
  const changes: [string, string][] = [];
  if (!unchanged)
    changes.push([paths.metadataByDiffId(diffId), goJson([...others, record].slice(-mostRecords))]);
  if (readTextIfThere(digestFile) !== diffId) changes.push([digestFile, diffId]);
  return changes;
}

async function makeFolder(paths: StorePaths, file: string): Promise<void> {
  await ensureDirectory(paths.distribution, modes.private);
  await ensureDirectory(dirname(file), modes.shared);
}
