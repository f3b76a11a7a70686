/** From a tree to the image. */
import { Failure } from "../errors.ts";
import type { DirectoryNode } from "../union/index.ts";
import { collectInodes } from "./collect_inodes.ts";
import { copyContents, type ReadSource } from "./copy_contents.ts";
import { alignUp, BLOCK, INODE_SLOT, MAX_BLOCKS, MAX_ROOT_NID } from "./format.ts";
import { type Image, newImage } from "./image.ts";
import { type Inode, pathOf } from "./inode.ts";
import { COPIED } from "./map_file.ts";
import { type Layout, placeInodes } from "./place_inodes.ts";
import { firstInodeAt, writeSuperblock } from "./superblock.ts";
import { type Addresses, writeInode } from "./write_inode.ts";

/**
 * Makes the image of `root` whose contents lie in tars of `sources[i]` bytes; to mount it, give the kernel the same
 * tars in the same order as `device=` options. Equal trees make equal bytes. The first 1024 bytes are zero and mean
 * nothing to EROFS: they are the caller's.
 * @param read for sparse files with data that is not aligned to blocks of 512 in file and tar: such blocks are copied
 *   into the image, 64 MiB at most
 * @throws Failure("limit") for what the format cannot hold: 2 TiB of tars, 16,000 of them, 64 KiB of one xattr ...
 * @throws Failure("invalid") for names, attributes and extents that cannot be
 * @throws Failure("unsupported") where contents would have to be copied and there is no `read`
 */
export function buildErofs(root: DirectoryNode, sources: readonly number[], read?: ReadSource): Buffer {
  const inodes = collectInodes(root);
  const layout = placeInodes(inodes, alignUp(firstInodeAt(sources.length), INODE_SLOT), sources);
  const devices = sources.map((size) => Math.ceil(size / BLOCK));
  const addresses = addressesOf(layout, devices);
  const image = newImage(layout.size);
  for (const inode of inodes) writeInode(image, inode, addresses);
  if (layout.copied > 0) copyAll(inodes, image, layout, read);
  const rootNid = rootNidOf(inodes, devices.length);
  writeSuperblock(image, { rootNid, inodes: inodes.length, devices, addresses });
  return image.bytes;
}

/** The tars follow each other behind the image's own blocks. */
function addressesOf(layout: Layout, devices: readonly number[]): Addresses {
  let next = layout.size / BLOCK;
  const starts = devices.map((blocks) => {
    const start = next;
    next += blocks;
    return start;
  });
  if (!(next < MAX_BLOCKS)) {
    throw new Failure(
      "limit",
      `EROFS holds ${MAX_BLOCKS} blocks of ${BLOCK} bytes, but the tars need ${next}`,
    );
  }
  return { image: layout.blocksAt / BLOCK, sources: starts };
}

function copyAll(inodes: readonly Inode[], image: Image, layout: Layout, read?: ReadSource): void {
  for (const inode of inodes) {
    const { map } = inode;
    if (map?.pieces.some(({ source }) => source === COPIED) !== true) continue;
    if (read === undefined) {
      throw new Failure(
        "unsupported",
        `contents of ${pathOf(inode)} cannot be used where they lie in their tar, and there is nobody to copy them`,
      );
    }
    copyContents(image, inode, map, layout.blocksAt, read);
  }
}

function rootNidOf(inodes: readonly Inode[], devices: number): number {
  const nid = (inodes[0] as Inode).at / INODE_SLOT;
  // The table of devices lies before the root.
  if (nid > MAX_ROOT_NID) throw new Failure("limit", `EROFS cannot hold ${devices} tars`);
  return nid;
}
