/**
 * Write beside, sync, rename, sync the directory: after a crash at any point the path holds either the old content
 * or the new, never a part. The kernel promises the order of nothing else (ext4 may rename before the data is on
 * disk), so each of the four steps is needed.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure, type FailureKind } from "../errors.ts";

/** What a crash leaves beside a target starts so; dockerd names its own temporary files alike and ignores them. */
export const temporaryPrefix = ".tmp-";

/**
 * Replaces or creates the file at `path` with `content`, mode `mode` whatever the umask. Its directory must exist.
 * Durable when the promise resolves. On failure nothing stays behind.
 */
export async function writeAtomically(
  path: string,
  content: Uint8Array | string,
  mode: number,
): Promise<void> {
  const temporary = join(
    dirname(path),
    `${temporaryPrefix}${basename(path)}-${randomBytes(8).toString("hex")}`,
  );
  try {
    await create(temporary, content, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeFailure(path, error);
  }
  await syncDirectory(dirname(path));
}

/** Creates `path` (which must not exist) with `content` and `mode`, and flushes it to the disk. */
export async function writeSynced(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  try {
    await create(path, content, mode);
  } catch (error) {
    throw writeFailure(path, error);
  }
}

async function create(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  await using file = await open(path, "wx", mode);
  await file.writeFile(content);
  await file.chmod(mode);
  await file.sync();
}

/** Flushes the entries of a directory, so that a rename or removal in it outlives a loss of power. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}

/**
 * Makes `path` and its missing parents, each with `mode` whatever the umask; what exists is left as it is.
 * Returns whether `path` was made. Durable.
 */
export async function ensureDirectory(path: string, mode: number): Promise<boolean> {
  if (existsSync(path)) return false;
  if (!existsSync(dirname(path))) await ensureDirectory(dirname(path), mode);
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw writeFailure(path, error);
  }
  await chmod(path, mode);
  await syncDirectory(dirname(path));
  return true;
}

const kinds: Record<string, readonly [FailureKind, reason: string]> = {
  EACCES: ["denied", "permission denied"],
  EPERM: ["denied", "operation not permitted"],
  EROFS: ["denied", "read-only file system"],
  ENOSPC: ["no-space", "no space left on device"],
  EDQUOT: ["no-space", "disk quota exceeded"],
};

/** What the user can act on becomes a {@link Failure}; any other error is passed on as it is. */
function writeFailure(path: string, error: unknown): unknown {
  const known = kinds[(error as NodeJS.ErrnoException).code ?? ""];
  return known === undefined
    ? error
    : new Failure(known[0], `cannot write ${path}: ${known[1]}`, { cause: error });
}
