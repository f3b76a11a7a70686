/** For the tests of this folder: has the kernel show an image, file-backed, with its tars beside it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import type { DirectoryNode } from "../union/index.ts";
import { buildErofs } from "./index.ts";
import { assertShows, directory, read, sizes, tars } from "./testing_trees.test.ts";

export interface Mounted extends Disposable {
  /** Where the tree is seen. */
  readonly path: string;
  /** The tars, which may be changed below the mount. */
  readonly tars: readonly string[];
}

/** Mounts; disposing of it unmounts and deletes. @throws SysError what the kernel says to the image */
export function mountImage(image: Uint8Array, tars: readonly Uint8Array[]): Mounted {
  using stack = new DisposableStack();
  const dir = stack.use(scratch("erofs"));
  const path = join(dir.path, "root");
  mkdirSync(path);
  const store = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(dir.path, name), bytes);
    return join(dir.path, name);
  };
  const files = tars.map((bytes, index) => store(`${index}.tar`, bytes));
  const fd = sys.newMount("erofs", [
    ["source", store("image", image)],
    ...files.map((file) => ["device", file] as const),
  ]);
  stack.defer(() => sys.close(fd));
  sys.moveMount(fd, path);
  stack.defer(() => sys.unmount(path, { detach: true }));
  const kept = stack.move();
  return { path, tars: files, [Symbol.dispose]: () => kept.dispose() };
}

/** The reason to skip what needs the kernel, or false. */
export const erofsSkip: string | false = ((): string | false => {
  if (unlessRoot !== false) return unlessRoot;
  try {
    mountImage(buildErofs(directory([]), []), [])[Symbol.dispose]();
    return false;
  } catch (error) {
    // ENOTBLK: Linux before 6.12, or the temporary directory is on tmpfs or overlayfs.
    return `cannot mount EROFS from files: ${(error as Error).message}`;
  }
})();

/** Fails unless the kernel shows `root` as it is. */
export function assertMounts(root: DirectoryNode): void {
  using mounted = mountImage(buildErofs(root, sizes, read), tars);
  assertShows(mounted.path, root);
}
