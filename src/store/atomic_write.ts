/**
 * Write beside, sync, rename, sync the directory: after a crash at any point the path holds either the old content
 * or the new, never a part. The kernel promises the order of nothing else (ext4 may rename before the data is on
 * disk), so each of the four steps is needed.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
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
  const temporary = temporaryBeside(path);
  try {
    await createSynced(temporary, content, mode);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeFailure(path, error);
  }
  await syncDirectory(dirname(path));
}

/**
 * {@link writeAtomically} without the flushes: other processes see all or nothing, but after a loss of power the file
 * may be empty. For what is only a memory aid, and read as such.
 */
export function writeUnsynced(path: string, content: Uint8Array | string, mode: number): void {
  const temporary = temporaryBeside(path);
  try {
    create(temporary, content, mode);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeFailure(path, error);
  }
}

function temporaryBeside(path: string): string {
  return join(dirname(path), `${temporaryPrefix}${basename(path)}-${randomBytes(8).toString("hex")}`);
}

/** Creates `path` (which must not exist) with `content` and `mode`, and flushes it to the disk. */
export async function writeSynced(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  try {
    await createSynced(path, content, mode);
  } catch (error) {
    throw writeFailure(path, error);
  }
}

/** {@link writeSynced}, but nothing is flushed. */
export function writeNew(path: string, content: Uint8Array | string, mode: number): void {
  try {
    create(path, content, mode);
  } catch (error) {
    throw writeFailure(path, error);
  }
}

async function createSynced(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  const file = openSync(path, "wx", mode);
  try {
    fill(file, content, mode);
    await flush(file);
  } finally {
    closeSync(file);
  }
}

function create(path: string, content: Uint8Array | string, mode: number): void {
  const file = openSync(path, "wx", mode);
  try {
    fill(file, content, mode);
  } finally {
    closeSync(file);
  }
}

function fill(file: number, content: Uint8Array | string, mode: number): void {
  writeFileSync(file, content);
  fchmodSync(file, mode);
}

/** Flushes the entries of a directory, so that a rename or removal in it outlives a loss of power. */
export async function syncDirectory(path: string): Promise<void> {
  await syncPath(path);
}

/** Flushes a file or directory. */
export async function syncPath(path: string): Promise<void> {
  const file = openSync(path, "r");
  try {
    await flush(file);
  } finally {
    closeSync(file);
  }
}

/** The one slow step: it waits for the disk, so it alone is worth a round through the thread pool (50 µs each). */
function flush(file: number): Promise<void> {
  return new Promise((resolve, reject) =>
    fsync(file, (error) => (error === null ? resolve() : reject(error))),
  );
}

/**
 * Makes `path` and its missing parents, each with `mode` whatever the umask; what exists is left as it is.
 * Returns whether `path` was made. Durable.
 */
export async function ensureDirectory(path: string, mode: number): Promise<boolean> {
  if (existsSync(path)) return false;
  if (!existsSync(dirname(path))) await ensureDirectory(dirname(path), mode);
  try {
    makeDirectory(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw writeFailure(path, error);
  }
  await syncDirectory(dirname(path));
  return true;
}

/** Makes one directory with `mode` whatever the umask. */
export function makeDirectory(path: string, mode: number): void {
  mkdirSync(path, { mode });
  chmodSync(path, mode);
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
