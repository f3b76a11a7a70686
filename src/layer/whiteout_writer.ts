/** Writes whiteouts in the spelling of the target: behaviours B043, kernel overlayfs.rst, "whiteouts and opaque directories". */
import type { ByteString } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import type { TarEntry } from "../tar/index.ts";
import type { Directory } from "./directories.ts";
import { childOf, nameOf, parentOf } from "./layer_path.ts";
import type { LayerTree } from "./layer_tree.ts";
import { hidesItself } from "./refusals.ts";
import { whiteoutPrefix } from "./whiteout.ts";

/**
 * Hides what lies at `path` below this layer.
 * @throws Failure("invalid") if this layer itself has put something there
 */
export function writeWhiteout(tree: LayerTree, path: ByteString, entry: TarEntry): void {
  const parent = tree.directories.obtain(parentOf(path));
  const name = nameOf(path);
  switch (tree.style) {
    case "overlay":
    case "overlay-user":
      // In an opaque directory it would hide nothing, and the kernel would list it.
      if (tree.isInsideOpaque(path)) return;
      makeMark(path, () => sys.mknodAt(parent.fd, name, sys.S_IFCHR));
      return record(tree, parent, name, path, entry);
    case "aufs":
      if (tree.isInsideOpaque(path)) return;
      makeMark(path, () => makeEmpty(parent, whiteoutPrefix + name, entry));
      return record(tree, parent, whiteoutPrefix + name, path, entry);
    case "remove":
      if (tree.written?.has(childOf(parent.real, name))) throw hidesItself(path);
      return tree.remove(parent, name);
  }
}

function makeEmpty(parent: Directory, name: ByteString, entry: TarEntry): void {
  sys.close(
    sys.openAt(parent.fd, name, sys.O_CREAT | sys.O_EXCL | sys.O_WRONLY | sys.O_NOFOLLOW, entry.mode),
  );
}

function makeMark(path: ByteString, make: () => void): void {
  try {
    make();
  } catch (error) {
    throw sys.isSysError(error, "EEXIST") ? hidesItself(path) : error;
  }
}

/** Owner and time are kept, so that the whiteout goes back into a tar as it came. */
function record(
  tree: LayerTree,
  parent: Directory,
  name: ByteString,
  path: ByteString,
  entry: TarEntry,
): void {
  tree.whiteouts.add(path);
  tree.attributes.own(parent, name, entry);
  sys.utimensAt(parent.fd, name, entry);
}

/** Makes the directory at `path` opaque; what this layer wrote into it, before or after, stays. */
export function writeOpaque(tree: LayerTree, path: ByteString): void {
  const directory = tree.directories.obtain(path);
  if (tree.written !== undefined) removeLower(tree, directory.fd, directory.real);
  tree.directories.flush();
  tree.markOpaque(tree.directories.obtain(path), path);
}

/** Removes all in the directory that this layer did not write. */
function removeLower(tree: LayerTree, dirfd: number, path: ByteString): void {
  const fd = sys.openAt(dirfd, ".", sys.O_RDONLY | sys.O_DIRECTORY);
  try {
    for (const { name, type } of sys.readDir(fd)) {
      const child = childOf(path, name);
      if (!tree.written?.has(child)) {
        sys.removeTreeAt(fd, name);
        tree.forget(child);
      } else if (type === "directory" || type === "unknown") descend(tree, fd, name, child);
    }
  } finally {
    sys.close(fd);
  }
}

function descend(tree: LayerTree, dirfd: number, name: ByteString, path: ByteString): void {
  if ((sys.statAt(dirfd, name).mode & sys.S_IFMT) !== sys.S_IFDIR) return;
  const fd = sys.openAt(dirfd, name, sys.O_PATH | sys.O_DIRECTORY | sys.O_NOFOLLOW);
  try {
    removeLower(tree, fd, path);
  } finally {
    sys.close(fd);
  }
}

/** The way in which old AUFS layers shared hard links: `.wh..wh.plnk/<inode>.<number>`. */
export const linkSources = ".wh..wh.plnk";

export function isLinkSource(path: ByteString): boolean {
  return path.startsWith(`${linkSources}/`);
}

/** Takes AUFS' link sources away, which no layer shows; names that were linked to them stay. */
export function removeLinkSources(tree: LayerTree): void {
  const sources = tree.directories.find(linkSources);
  if (sources === undefined) return;
  const fd = sys.openAt(sources.fd, ".", sys.O_RDONLY | sys.O_DIRECTORY);
  try {
    for (const { name } of sys.readDir(fd)) {
      const { mode, nlink, size } = sys.statAt(fd, name);
      if ((mode & sys.S_IFMT) === sys.S_IFREG && nlink === 1) tree.size -= size;
    }
  } finally {
    sys.close(fd);
  }
  tree.remove(tree.directories.root, linkSources);
}
