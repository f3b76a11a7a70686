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
 * @param data the volume's content; the subpath never leads out of it
 * @returns where it is mounted until {@link unmountOwn}
 * @throws Failure("not-found") where there is nothing
 */
export function mountSubpath(store: Store, container: string, data: string, subpath: string): string {
  const folder = runMountsFolder(store, container);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const target = join(folder, String(readdirSync(folder).length));
  mountPart(data, subpath, target);
  return target;
}

/**
 * @param tree nothing outside of it is mounted @param target is made
 * @throws Failure("not-found") where there is nothing
 */
export function mountPart(tree: string, subpath: string, target: string): void {
  const root = sys.openAt(sys.AT_FDCWD, fromText(tree), sys.O_PATH | sys.O_DIRECTORY);
  try {
    const fd = openInside(root, subpath);
    try {
      const isDirectory = (sys.fstat(fd).mode & sys.S_IFMT) === sys.S_IFDIR;
      if (isDirectory) mkdirSync(target, { mode: 0o700 });
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
  } finally {
    sys.close(root);
  }
}

function openInside(root: number, subpath: string): number {
  try {
    return sys.openIn(root, fromText(subpath), sys.O_PATH);
  } catch (cause) {
    if (!sys.isNowhere(cause)) throw cause;
    const what = sys.isSysError(cause, "ENOENT") ? "no such file or directory" : "it leads nowhere";
    throw new Failure("not-found", `cannot access path ${subpath}: ${what}`, { cause });
  }
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
