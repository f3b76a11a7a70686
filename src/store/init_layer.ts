/**
 * The layer between an image and a container's writable layer: places for what the engine mounts into each
 * container, so that those mount points never show in a diff or a commit (behaviours B150, B059).
 */
import { chmodSync, existsSync, lstatSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, syncPath } from "./atomic_write.ts";

type Placeholder =
  | { readonly path: string; readonly kind: "directory" | "file" }
  | { readonly path: string; readonly kind: "link"; readonly to: string };

/** Docker's list (moby, daemon/initlayer/setup_unix.go). No host or DNS data is in any of them. */
export const placeholders: readonly Placeholder[] = [
  { path: ".dockerenv", kind: "file" },
  { path: "dev/console", kind: "file" },
  { path: "dev/pts", kind: "directory" },
  { path: "dev/shm", kind: "directory" },
  { path: "etc/hostname", kind: "file" },
  { path: "etc/hosts", kind: "file" },
  { path: "etc/mtab", kind: "link", to: "/proc/mounts" },
  { path: "etc/resolv.conf", kind: "file" },
  { path: "proc", kind: "directory" },
  { path: "sys", kind: "directory" },
];

/** Docker's mode for all of them, executable files included. */
const mode = 0o755;

/**
 * Puts the placeholders into a root filesystem at `root` (the mounted init layer; nobody else may write there).
 * Whatever the image has in their way and is no directory goes, also symbolic links above them: so nothing is ever
 * written through a link that the image made.
 */
export function populateInitLayer(root: string): void {
  for (const placeholder of placeholders) {
    const parts = placeholder.path.split("/");
    for (let depth = 1; depth < parts.length; depth++) placeDirectory(join(root, ...parts.slice(0, depth)));
    const path = join(root, placeholder.path);
    switch (placeholder.kind) {
      case "directory":
        placeDirectory(path);
        break;
      case "file":
        if (clear(path)) {
          writeFileSync(path, "", { flag: "wx" });
          chmodSync(path, mode);
        }
        break;
      case "link":
        if (clear(path)) symlinkSync(placeholder.to, path);
        break;
    }
  }
}

/** Flushes the placeholders that lie in the init layer's own directory. */
export async function syncInitLayer(directory: string): Promise<void> {
  const paths = new Set([directory, join(directory, "dev"), join(directory, "etc")]);
  for (const { path, kind } of placeholders) if (kind !== "link") paths.add(join(directory, path));
  // Directories that the image has already are not in the init layer.
  await Promise.all([...paths].filter(existsSync).map(syncPath));
}

/** Leaves a directory alone; anything else, and nothing, becomes one. */
function placeDirectory(path: string): void {
  if (clear(path)) makeDirectory(path, mode);
}

/** Removes what is there unless it is a directory. Returns whether the place is free. */
function clear(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) return false;
  if (stats !== undefined) unlinkSync(path);
  return true;
}
