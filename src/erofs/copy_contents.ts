/** Contents that cannot be used where they are. */
import { Failure } from "../errors.ts";
import type { FileNode } from "../union/index.ts";
import { BLOCK } from "./format.ts";
import type { Image } from "./image.ts";
import { type Inode, pathOf } from "./inode.ts";
import { COPIED, type FileMap } from "./map_file.ts";

/** Gives exactly `length` bytes at `offset` of a tar. */
export type ReadSource = (source: number, offset: number, length: number) => Uint8Array;

/** Fills the copied pieces of a file; `base` is the place of the image's blocks. */
export function copyContents(image: Image, inode: Inode, map: FileMap, base: number, read: ReadSource): void {
  const { extents } = inode.node as FileNode;
  let first = 0;
  for (const piece of map.pieces) {
    if (piece.source !== COPIED) continue;
    const shift = base + piece.block * BLOCK - piece.from;
    // Both are in order, but one extent may reach into several pieces.
    while (first < extents.length && endOf(extents[first]) <= piece.from) first++;
    for (let index = first; index < extents.length; index++) {
      const extent = extents[index] as FileNode["extents"][number];
      if (extent.at >= piece.to) break;
      const from = Math.max(extent.at, piece.from);
      const length = Math.min(endOf(extent), piece.to) - from;
      const offset = extent.offset + from - extent.at;
      const bytes = read(extent.source, offset, length);
      if (bytes.length !== length) {
        const said = `${bytes.length} of ${length} bytes at ${offset} of tar ${extent.source}`;
        throw new Failure("corrupt", `${pathOf(inode)} cannot be copied: got ${said}`);
      }
      image.bytes.set(bytes, from + shift);
    }
  }
}

function endOf(extent: FileNode["extents"][number] | undefined): number {
  return extent === undefined ? 0 : extent.at + extent.length;
}
