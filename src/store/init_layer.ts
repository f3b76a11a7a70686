/**
 * The layer between an image and a container's writable layer: places for what the engine mounts into each
 * container, so that those mount points never show in a diff or a commit (behaviours B150, B059).
 */
import { chmod, lstat, mkdir, open, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "./read_small.ts";

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
export async function populateInitLayer(root: string): Promise<void> {
  for (const placeholder of placeholders) {
    const parts = placeholder.path.split("/");
    for (let depth = 1; depth < parts.length; depth++)
      await makeDirectory(join(root, ...parts.slice(0, depth)));
    const path = join(root, placeholder.path);
    switch (placeholder.kind) {
      case "directory":
        await makeDirectory(path);
        break;
      case "file":
        if (await clear(path)) {
          await writeFile(path, "", { flag: "wx" });
          await chmod(path, mode);
        }
        break;
      case "link":
        if (await clear(path)) await symlink(placeholder.to, path);
        break;
    }
  }
}

/** Flushes the placeholders that lie in the init layer's own directory. */
export async function syncInitLayer(directory: string): Promise<void> {
  const paths = new Set([directory, join(directory, "dev"), join(directory, "etc")]);
  for (const { path, kind } of placeholders) if (kind !== "link") paths.add(join(directory, path));
  for (const path of paths) {
    try {
      await using entry = await open(path, "r");
      await entry.sync();
    } catch (error) {
      // Directories that the image has already are not in the init layer.
      if (!isMissing(error)) throw error;
    }
  }
}

/** Leaves a directory alone; anything else, and nothing, becomes one. */
async function makeDirectory(path: string): Promise<void> {
  if (!(await clear(path))) return;
  await mkdir(path);
  await chmod(path, mode);
}

/** Removes what is there unless it is a directory. Returns whether the place is free. */
async function clear(path: string): Promise<boolean> {
  try {
    if ((await lstat(path)).isDirectory()) return false;
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return true;
}
