/**
 * Reads of the store's many small files. They are synchronous: at 10 µs each, a hundred of them are cheaper than one
 * round through the thread pool, and `varve images` has to be done with 500 images in 60 ms.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** The file's bytes, or undefined where there is no such file. */
export function readIfThere(path: string): Buffer | undefined {
  return unlessMissing(() => readFileSync(path));
}

/** The file's text without surrounding white space (as dockerd reads these files), or undefined. */
export function readTextIfThere(path: string): string | undefined {
  // With an encoding Node reads a file in one call into C++ instead of five.
  return unlessMissing(() => readFileSync(path, "utf8"))?.trim();
}

/** The same for a file that is missing more often than not: a thrown ENOENT costs ten times the look. */
export function readTextIfSeen(path: string): string | undefined {
  return existsSync(path) ? readTextIfThere(path) : undefined;
}

function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Names in a directory in byte order; none where there is no such directory. */
export function listIfThere(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Whether a file system error says that there is no such file or directory. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === "ENOENT" || code === "ENOTDIR";
}
