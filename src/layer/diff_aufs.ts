/** The layer tar of a directory that spells whiteouts as AUFS and tars do. */
import type { ByteString } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import { type DiffItem, ItemMaker, opaqueItem, whiteoutItem } from "./diff_item.ts";
import { childOf } from "./layer_path.ts";
import { bookkeepingPrefix, opaqueName, whiteoutPrefix } from "./whiteout.ts";

/** Items of an AUFS branch in tar order; AUFS' bookkeeping is left out. */
export function* aufsItems(directory: ByteString): Generator<DiffItem, void, void> {
  const fd = sys.openAt(sys.AT_FDCWD, directory, sys.O_RDONLY | sys.O_DIRECTORY);
  try {
    yield* walk(fd, "", new ItemMaker());
  } finally {
    sys.close(fd);
  }
}

function* walk(fd: number, path: ByteString, items: ItemMaker): Generator<DiffItem, void, void> {
  for (const { name, hidden } of marksAndNames(fd)) {
    const stat = sys.statAtIfExists(fd, name);
    if (stat === undefined) continue;
    if (hidden !== undefined) {
      yield whiteoutItem(path, hidden, stat);
      continue;
    }
    const child = childOf(path, name);
    const item = items.make({ fd, name }, child, stat);
    if (item !== undefined) yield item;
    if ((stat.mode & sys.S_IFMT) !== sys.S_IFDIR) continue;
    const childFd = sys.openAt(fd, name, sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW);
    try {
      if (sys.statAtIfExists(childFd, opaqueName) !== undefined) yield opaqueItem(child, stat);
      yield* walk(childFd, child, items);
    } finally {
      sys.close(childFd);
    }
  }
}

interface Listed {
  readonly name: ByteString;
  readonly hidden: ByteString | undefined;
}

/** In the order of the names that they are or hide. */
function marksAndNames(fd: number): Listed[] {
  const listed: Listed[] = [];
  for (const { name } of sys.readDir(fd)) {
    if (name.startsWith(bookkeepingPrefix)) continue;
    listed.push({
      name,
      hidden: name.startsWith(whiteoutPrefix) ? name.slice(whiteoutPrefix.length) : undefined,
    });
  }
  const key = ({ name, hidden }: Listed): ByteString => hidden ?? name;
  return listed.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
