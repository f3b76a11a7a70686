/**
 * `ROOT/varve/build-cache/mounts/<sha256 of the id>/`: the directories of one cache.
 *
 *     id        the id, for people
 *     gate      locked while directories come and go
 *     0, 1 ...  the directories: 0 is what everybody uses, others are of those who found it taken and would not wait
 *     0.lock    locked by who uses directory 0: shared, or alone
 *
 * Locks are flocks, so a process that dies lets go. The time of a lock file is when its directory was last used.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import { digestOf, hexOf } from "../../oci/index.ts";
import { cacheMountsFolder } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";

/** Where the cache `id` of a data root lies. */
export function cacheFolder(root: string, id: string): string {
  return join(cacheMountsFolder(root), hexOf(digestOf(Buffer.from(id))));
}

export const lockOf = (directory: string): string => `${directory}.lock`;
/** While it is filled, and while it is removed, a directory has a name that is no number. */
export const unfinished = (directory: string): string => `${directory}.new`;

/** Locks a file in `folder`, which is made if missing: another process may remove it at any time. */
export async function lockIn(
  folder: string,
  name: string,
  signal: AbortSignal,
): Promise<AsyncDisposable & Disposable> {
  for (;;) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      return await sys.lockFile(fromText(join(folder, name)), "exclusive", signal);
    } catch (error) {
      if (!sys.isSysError(error, "ENOENT")) throw error;
    }
  }
}

/** Numbers of the directories in `folder`, ascending. */
export async function directoriesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(a) - Number(b));
}
