/** One inode with all that belongs to it, at the places it was given. */
import type { NodeKind, TreeNode } from "../union/index.ts";
import { writeDirectory } from "./directory.ts";
import * as format from "./format.ts";
import type { Image } from "./image.ts";
import { IN_IMAGE, type Inode } from "./inode.ts";
import { type FileMap, COPIED } from "./map_file.ts";
import { xattrCount } from "./pack_xattrs.ts";
import { headSize } from "./place_inodes.ts";

/** S_IFMT bits. */
const kinds: Readonly<Record<NodeKind, number>> = {
  socket: 0o140000,
  symlink: 0o120000,
  file: 0o100000,
  block: 0o060000,
  directory: 0o040000,
  char: 0o020000,
  fifo: 0o010000,
};

/** First blocks, in the address space of the whole file system, of the image's block area and of each tar. */
export interface Addresses {
  readonly image: number;
  readonly sources: readonly number[];
}

/** All but copied contents. */
export function writeInode(image: Image, inode: Inode, addresses: Addresses): void {
  writeHead(image.words, inode, addresses);
  if (inode.xattrs !== undefined) image.bytes.set(inode.xattrs, inode.at + format.INODE_SIZE);
  const behind = inode.at + headSize(inode);
  const inline = inode.layout === format.FLAT_INLINE;
  const blocksAt = (addresses.image + inode.block) * format.BLOCK;
  const { node } = inode;
  if (node.kind === "directory") {
    const tail = inline ? Math.floor(inode.size / format.BLOCK) : -1;
    writeDirectory(image, inode, (block) => (block === tail ? behind : blocksAt + block * format.BLOCK));
  } else if (node.kind === "symlink") image.bytes.write(node.target, inline ? behind : blocksAt, "latin1");
  else if (inode.layout === format.CHUNK_BASED) {
    const at = format.alignUp(behind, format.CHUNK_INDEX_SIZE);
    writeIndexes(image.words, at / 4, inode.map as FileMap, inode.size, addresses.image);
  }
}

const WIDE = 2 ** 32;

/** `struct erofs_inode_extended`, by words; what is not named stays zero. */
function writeHead(words: Uint32Array, inode: Inode, addresses: Addresses): void {
  const { node, at, size } = inode;
  const word = at / 4;
  // The lowest bit: extended. The compact form has neither 32-bit owners nor times.
  words[word] = 1 | (inode.layout << 1) | (xattrCount(inode.xattrs) << 16);
  words[word + 1] = kinds[node.kind] | node.mode;
  words[word + 2] = size % WIDE;
  words[word + 3] = size / WIDE;
  words[word + 4] = startOf(inode, node, addresses);
  words[word + 5] = at / format.INODE_SLOT;
  words[word + 6] = node.uid;
  words[word + 7] = node.gid;
  // Storing into a Uint32Array is modulo 2^32, also of negative numbers.
  words[word + 8] = node.mtime;
  words[word + 9] = Math.floor(node.mtime / WIDE);
  words[word + 10] = node.mtimeNs;
  words[word + 11] = inode.links;
}

/** `i_u`: first block, or device number, or form of the chunks. */
function startOf(inode: Inode, node: TreeNode, addresses: Addresses): number {
  if (node.kind === "char" || node.kind === "block") {
    // new_encode_dev (include/linux/kdev_t.h)
    const { rdevMajor: major, rdevMinor: minor } = node;
    return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
  }
  if (inode.layout === format.CHUNK_BASED) return format.CHUNK_INDEXES | (inode.map as FileMap).bits;
  if (inode.size === 0) return 0;
  const base = inode.device === IN_IMAGE ? addresses.image : (addresses.sources[inode.device] as number);
  return base + inode.block;
}

/** `u16 high part, u16 device, u32 block`: devices count from 1, 0 is the image; all ones is a hole. */
function writeIndexes(words: Uint32Array, word: number, map: FileMap, size: number, base: number): void {
  const blocks = 2 ** map.bits;
  const chunk = blocks * format.BLOCK;
  const count = Math.ceil(size / chunk);
  for (let index = 0; index < count; index++) words[word + index * 2 + 1] = 0xffff_ffff;
  for (const { from, to, source, block } of map.pieces) {
    const end = Math.min(Math.ceil(to / chunk), count);
    let start = source === COPIED ? base + block : block;
    for (let index = from / chunk; index < end; index++, start += blocks) {
      words[word + index * 2] = source === COPIED ? 0 : (source + 1) << 16;
      words[word + index * 2 + 1] = start;
    }
  }
}
