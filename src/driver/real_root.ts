/** The one name of a driver's directory. */
import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/**
 * The path without symlinks, as the kernel will name its mounts; what does not exist yet is taken as it is. Docker
 * resolves its data root likewise.
 */
export function realRoot(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch (error) {
    const parent = dirname(absolute);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === absolute) throw error;
    return join(realRoot(parent), basename(absolute));
  }
}
