/** The older files of a log: `log.1` is the youngest of them, `log.2.gz` an older one that has been compressed. */
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface RotatedFile {
  readonly path: string;
  readonly number: number;
  readonly compressed: boolean;
}

/** Oldest first. Where a kill left a file both plain and compressed, the plain one. */
export function rotatedFiles(path: string): RotatedFile[] {
  const [directory, name] = [dirname(path), basename(path)];
  const found = new Map<number, RotatedFile>();
  for (const entry of existsSync(directory) ? readdirSync(directory) : []) {
    const [, digits, gz] = /^\.([1-9]\d{0,8})(\.gz)?$/.exec(entry.slice(name.length)) ?? [];
    if (digits === undefined || !entry.startsWith(name)) continue;
    const number = Number(digits);
    const file = { path: join(directory, entry), number, compressed: gz !== undefined };
    if (!file.compressed || !found.has(number)) found.set(number, file);
  }
  return [...found.values()].sort((a, b) => b.number - a.number);
}

/**
 * Makes place for a new `path.1`; the oldest goes if there are `maxFiles` with the one that is written. A kill leaves at
 * most a gap in the numbers, which the next time is filled first.
 */
export function shiftRotated(path: string, maxFiles: number): void {
  const kept = rotatedFiles(path);
  for (const file of kept) if (file.number >= maxFiles) remove(path, file.number);
  let free = 1;
  while (free < maxFiles - 1 && kept.some(({ number }) => number === free)) free++;
  remove(path, free);
  for (let number = free - 1; number >= 1; number--) {
    const file = kept.find((each) => each.number === number);
    if (file === undefined) continue;
    renameSync(file.path, `${path}.${number + 1}${file.compressed ? ".gz" : ""}`);
    remove(path, number);
  }
}

function remove(path: string, number: number): void {
  for (const end of ["", ".gz"]) rmSync(`${path}.${number}${end}`, { force: true });
}
