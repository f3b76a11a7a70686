/** What is in a layer that lies unpacked in a change directory. Needs Linux. */
import { type ByteString, fromText } from "../../byte_string.ts";
import {
  AT_FDCWD,
  close,
  getXattrAt,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  openAt,
  openBeneath,
  readDir,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  statAt,
} from "../../sys/index.ts";
import type { LayerItem } from "./layer_item.ts";

interface Walk {
  readonly root: number;
  /** The attribute that marks an opaque directory (kernel overlayfs.rst). */
  readonly opaque: ByteString;
  /** Files with several names that were met. */
  readonly linked: Set<number | bigint>;
}

/**
 * Every name of the directory, a directory before what is in it. One system call a file and a few a directory, where
 * `walkBranch` would need several a file.
 * @param prefix of overlayfs' own attributes: `trusted.overlay.` or `user.overlay.`
 */
export function* directoryItems(directory: string, prefix: string): Generator<LayerItem, void, undefined> {
  const root = openAt(AT_FDCWD, fromText(directory), O_PATH | O_DIRECTORY);
  try {
    const walk: Walk = { root, opaque: fromText(`${prefix}opaque`), linked: new Set() };
    // A list and no recursion: a hostile tar can nest deeper than the stack.
    const directories: ByteString[] = [""];
    for (let path = directories.pop(); path !== undefined; path = directories.pop()) {
      for (const item of itemsOf(walk, path)) {
        if (item.kind === "directory") directories.push(item.path);
        yield item;
      }
    }
  } finally {
    close(root);
  }
}

function* itemsOf(walk: Walk, directory: ByteString): Generator<LayerItem, void, undefined> {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  const fd = openBeneath(walk.root, directory === "" ? "." : directory, flags);
  try {
    const mark = getXattrAt(fd, ".", walk.opaque);
    if (mark?.length === 1 && mark[0] === 0x79) yield { kind: "opaque", path: directory };
    for (const { name } of readDir(fd)) yield itemOf(walk, fd, name, directory);
  } finally {
    close(fd);
  }
}

function itemOf(walk: Walk, fd: number, name: ByteString, directory: ByteString): LayerItem {
  const path = directory === "" ? name : `${directory}/${name}`;
  const { mode, size, nlink, ino, rdevMajor, rdevMinor } = statAt(fd, name);
  switch (mode & S_IFMT) {
    case S_IFREG: {
      const again = nlink > 1 && walk.linked.has(ino);
      if (nlink > 1) walk.linked.add(ino);
      return { kind: "file", path, size, again };
    }
    case S_IFLNK:
      return { kind: "symlink", path, size };
    case S_IFDIR:
      return { kind: "directory", path };
    case S_IFCHR:
      return { kind: rdevMajor === 0 && rdevMinor === 0 ? "gone" : "other", path };
    default:
      return { kind: "other", path };
  }
}
