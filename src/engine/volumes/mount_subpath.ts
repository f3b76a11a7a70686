/**
 * A directory or file inside a volume or an image, mounted where no container can turn it into something else: other
 * containers may exchange it for a symlink between a look at it and the runtime's mount.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";
import { runMountsFolder } from "./run_mounts_folder.ts";

/**
 * @param data the volume's content
 * @returns where it is mounted until {@link unmountOwn}
 * @throws as {@link openPart}
 */
export function mountSubpath(store: Store, container: string, data: string, subpath: string): string {
  const folder = runMountsFolder(store, container);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const target = join(folder, String(readdirSync(folder).length));
  mountPart(data, subpath, target);
  return target;
}

/** @param target is made @throws as {@link openPart} */
export function mountPart(tree: string, subpath: string, target: string): void {
  const fd = openPart(tree, subpath);
  try {
    if (isDirectory(fd)) mkdirSync(target, { mode: 0o700 });
    else writeFileSync(target, "", { mode: 0o600, flag: "wx" });
    const mount = sys.openTree(fromText(`/proc/self/fd/${fd}`), { clone: true, recursive: true });
    try {
      sys.moveMount(mount, fromText(target));
    } finally {
      sys.close(mount);
    }
  } finally {
    sys.close(fd);
  }
}

/**
 * Symlinks are followed where they lead to places inside: absolute ones do not, whatever is there in the container (moby,
 * daemon/volume/safepath).
 * @returns a descriptor with O_PATH
 * @throws Failure in Docker's words: `not-found` where there is nothing, `invalid` for what is outside of the tree
 */
export function openPart(tree: string, subpath: string): number {
  const root = sys.openAt(sys.AT_FDCWD, fromText(tree), sys.O_PATH | sys.O_DIRECTORY);
  try {
    const inside = sys.RESOLVE_BENEATH | sys.RESOLVE_NO_MAGICLINKS;
    return sys.openResolving(root, fromText(subpath), sys.O_PATH, 0, inside);
  } catch (cause) {
    throw refused(cause, tree, subpath);
  } finally {
    sys.close(root);
  }
}

function refused(cause: unknown, tree: string, subpath: string): unknown {
  if (sys.isSysError(cause, "EXDEV")) {
    const text = `path concatenation escapes the base directory, base: ${tree}, subpath: ${subpath}`;
    return new Failure("invalid", text, { cause });
  }
  if (!sys.isNowhere(cause)) return cause;
  const what = sys.isSysError(cause, "ENOENT") ? "no such file or directory" : "it leads nowhere";
  return new Failure("not-found", `cannot access path ${subpath}: ${what}`, { cause });
}

function isDirectory(fd: number): boolean {
  return (sys.fstat(fd).mode & sys.S_IFMT) === sys.S_IFDIR;
}

/** Ends all mounts of a container's own, shared memory too. What cannot be unmounted stays: nothing is ever removed through a mount. */
export function unmountOwn(store: Store, container: string): void {
  const folder = runMountsFolder(store, container);
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    try {
      sys.unmount(fromText(path), { detach: true });
    } catch (error) {
      // Not mounted: it was never finished, or the machine restarted.
      if (!sys.isSysError(error, "EINVAL")) throw error;
    }
    if (entry.isDirectory()) rmdirSync(path);
    else unlinkSync(path);
  }
}
