/**
 * Entries of directories. A block is
 *
 *     dirent*  name*  zeros      dirent = u64 nid, u16 place of its name in the block, u8 type, u8 0
 *
 * Names have no terminators: one ends where the next begins, the last at a zero or at the end of the directory.
 */
import type { ByteString } from "../byte_string.ts";
import type { NodeKind } from "../union/index.ts";
import { BLOCK, DIRENT_SIZE, INODE_SLOT } from "./format.ts";
import type { Image } from "./image.ts";
import type { Inode } from "./inode.ts";

/** EROFS_FT_* */
const types: Readonly<Record<NodeKind, number>> = {
  file: 1,
  directory: 2,
  char: 3,
  block: 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
};

/** Bytes of a directory: whole blocks, and what is used of the last. */
export function directorySize(names: readonly ByteString[]): number {
  let blocks = 0;
  let used = 0;
  for (const name of names) {
    const size = DIRENT_SIZE + name.length;
    if (used + size > BLOCK) {
      blocks++;
      used = 0;
    }
    used += size;
  }
  return blocks * BLOCK + used;
}

/** @param placeOf where in the image a block of the directory is, by its number */
export function writeDirectory(image: Image, inode: Inode, placeOf: (block: number) => number): void {
  const { names } = inode;
  let first = 0;
  for (let block = 0; first < names.length; block++) {
    let end = first;
    let used = 0;
    // The same filling as in directorySize, which must agree.
    while (end < names.length && used + DIRENT_SIZE + (names[end] as ByteString).length <= BLOCK) {
      used += DIRENT_SIZE + (names[end++] as ByteString).length;
    }
    writeBlock(image, inode, first, end, placeOf(block));
    first = end;
  }
}

function writeBlock({ bytes, words }: Image, inode: Inode, first: number, end: number, at: number): void {
  let nameAt = (end - first) * DIRENT_SIZE;
  let word = at / 4;
  for (let index = first; index < end; index++) {
    const name = inode.names[index] as ByteString;
    const child = inode.children[index] as Inode;
    words[word] = child.at / INODE_SLOT;
    words[word + 2] = nameAt | (types[child.node.kind] << 16);
    bytes.write(name, at + nameAt, "latin1");
    nameAt += name.length;
    word += DIRENT_SIZE / 4;
  }
}
