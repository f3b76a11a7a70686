/** What the cache mounts of a data root are, and taking them away. */
import { readFile, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import { throwIfCancelled } from "../../bytes/index.ts";
import { cacheMountsFolder, DiskUsage } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";
import { directoriesIn, lockIn, lockOf, unfinished } from "./cache_folder.ts";

export interface CacheMount {
  readonly id: string;
  readonly path: string;
  /** Bytes on the disk, as du(1) counts. */
  readonly size: number;
  readonly lastUsed: Date;
  /** A step has it mounted. */
  readonly inUse: boolean;
}

/** All of them; those with several directories come several times. Throws `Failure("cancelled")`. */
export async function listCacheMounts(root: string, signal: AbortSignal): Promise<CacheMount[]> {
  const found: CacheMount[] = [];
  for (const folder of await foldersOf(root)) {
    // Or who takes one just then would find it taken by us.
    await using gate = await lockIn(folder, "gate", signal);
    void gate;
    for (const number of await directoriesIn(folder)) {
      const mount = await describe(folder, number);
      if (mount !== undefined) found.push(mount);
    }
  }
  return found;
}

/** Removes those that `filter` wants gone, unless they are in use. Returns them. Throws `Failure("cancelled")`. */
export async function pruneCacheMounts(
  root: string,
  filter: (mount: CacheMount) => boolean,
  signal: AbortSignal,
): Promise<CacheMount[]> {
  const removed: CacheMount[] = [];
  for (const folder of await foldersOf(root)) {
    await using gate = await lockIn(folder, "gate", signal);
    void gate;
    for (const number of await directoriesIn(folder)) {
      throwIfCancelled(signal);
      const mount = await describe(folder, number);
      if (mount !== undefined && filter(mount) && (await removeFree(mount.path))) removed.push(mount);
    }
    await removeRest(folder);
  }
  return removed;
}

async function foldersOf(root: string): Promise<string[]> {
  const home = cacheMountsFolder(root);
  const names = await readdir(home).catch(missing);
  return (names ?? []).map((name) => join(home, name));
}

/** Undefined: it has gone meanwhile. */
async function describe(folder: string, number: string): Promise<CacheMount | undefined> {
  const path = join(folder, number);
  const id = await readFile(join(folder, "id"), "utf8").catch(missing);
  const used = await stat(lockOf(path)).catch(missing);
  if (id === undefined || used === undefined) return undefined;
  const size = await new DiskUsage().of(path);
  return { id, path, size, lastUsed: used.mtime, inUse: isLocked(path) };
}

function isLocked(path: string): boolean {
  using lock = sys.tryLockFile(fromText(lockOf(path)));
  return lock === undefined;
}

/** Whether nobody used it, and it is gone. */
async function removeFree(path: string): Promise<boolean> {
  using lock = sys.tryLockFile(fromText(lockOf(path)));
  if (lock === undefined) return false;
  await rename(path, unfinished(path));
  await rm(lockOf(path));
  await sys.removeTreeInSlices(fromText(unfinished(path)));
  return true;
}

/** What a kill left half done, and the folder itself when nothing of the cache is there. */
async function removeRest(folder: string): Promise<void> {
  const names = await readdir(folder);
  const rest = names.filter((name) => name.endsWith(".new"));
  for (const name of rest) await sys.removeTreeInSlices(fromText(join(folder, name)));
  if (names.some((name) => /^\d/.test(name) && !rest.includes(name))) return;
  for (const name of ["id", "gate"]) await rm(join(folder, name), { force: true });
  // Somebody may be making it anew.
  await rmdir(folder).catch(() => undefined);
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
