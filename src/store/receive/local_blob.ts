/** What this store already holds of a blob. */
import { mkdirSync, rmSync, statSync } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { isFailure, type FailureKind } from "../../errors.ts";
import type { Descriptor } from "../../oci/index.ts";
import { isMissing } from "../read_small.ts";
import type { Store } from "../types.ts";

/** Opens the blob in the cache; its bytes stay readable when it is evicted. Undefined: it is not there. */
export async function openCached(store: Store, blob: Descriptor): Promise<FileHandle | undefined> {
  const path = await store.blobs.get(blob.digest);
  if (path === undefined) return undefined;
  try {
    return await open(path, "r");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export interface PartialFile {
  readonly path: string;
  /** Bytes that an earlier attempt left. */
  readonly size: number;
}

/** The place for an unfinished download. One that is longer than the blob is nobody's and goes. */
export async function partialFile(store: Store, blob: Descriptor): Promise<PartialFile> {
  // These calls take microseconds; a round through the thread pool for each takes a hundred.
  const path = store.blobs.partialPath(blob.digest);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= blob.size) return { path, size };
  rmSync(path, { force: true });
  return { path, size: 0 };
}

const damages: readonly FailureKind[] = ["corrupt", "invalid", "limit", "unsupported"];

/** Whether a failure speaks of the bytes themselves, so that the same bytes would fail again. */
export function isDamaged(error: unknown): boolean {
  return isFailure(error) && damages.includes(error.kind);
}

/**
 * Drops a partial file whose bytes are wrong, or that has none; after other failures it stays for the next attempt.
 * Returns `error`. The caller holds the blob's lock.
 */
export async function dropDamaged(path: string, error: unknown): Promise<unknown> {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0 || isDamaged(error)) await rm(path, { force: true });
  return error;
}
