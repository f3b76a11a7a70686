/** Where everything goes: nothing is written before it is known. */
import { Failure } from "../errors.ts";
import type { FileNode } from "../union/index.ts";
import { checkNode } from "./check_node.ts";
import { directorySize } from "./directory.ts";
import * as format from "./format.ts";
import { type Inode, pathOf } from "./inode.ts";
import { checkExtents, chunksOf, COPIED, endsInWholeBlock, mapFile } from "./map_file.ts";
import { packXattrs } from "./pack_xattrs.ts";

/** What an image may take in memory: enough for ten million files. */
const maxImage = 2 ** 30;
/** Of contents that cannot be used where they are. */
const maxCopied = 64 * 2 ** 20;
/** Of chunk indexes, which a tar of a few KiB can ask for by the million. */
const maxIndexBytes = 128 * 2 ** 20;

export interface Layout {
  /** Place of the first block behind the inodes. */
  readonly blocksAt: number;
  /** Bytes of the whole image. */
  readonly size: number;
  /** Bytes of contents in it. */
  readonly copied: number;
}

/** Gives each inode its place, from byte `start` on, and its blocks. */
export function placeInodes(inodes: readonly Inode[], start: number, sources: readonly number[]): Layout {
  const totals = { at: start, blocks: 0, copied: 0, indexes: 0 };
  for (const inode of inodes) {
    checkNode(inode);
    inode.xattrs = packXattrs(inode);
    switch (inode.node.kind) {
      case "directory":
        inode.size = directorySize(inode.names);
        placeSmall(inode, totals);
        break;
      case "symlink":
        inode.size = inode.node.target.length;
        placeSmall(inode, totals);
        break;
      case "file":
        placeFile(inode, inode.node, sources, totals);
        break;
      case "char":
      case "block":
      case "fifo":
      case "socket":
        placeHead(inode, 0, totals);
        break;
    }
    checkTotals(totals, inode);
  }
  const blocksAt = format.alignUp(totals.at, format.BLOCK);
  return { blocksAt, size: blocksAt + totals.blocks * format.BLOCK, copied: totals.copied };
}

interface Totals {
  /** Where the next inode can begin. */
  at: number;
  blocks: number;
  copied: number;
  indexes: number;
}

/** Bytes of the inode itself and its attributes. */
export function headSize(inode: Inode): number {
  return format.INODE_SIZE + (inode.xattrs?.length ?? 0);
}

function placeHead(inode: Inode, behind: number, totals: Totals): void {
  inode.at = totals.at;
  totals.at = format.alignUp(totals.at + headSize(inode) + behind, format.INODE_SLOT);
}

/** What is left over from whole blocks goes behind the inode, if that costs less than a block for it. */
function placeSmall(inode: Inode, totals: Totals): void {
  const head = headSize(inode);
  const tail = inode.size % format.BLOCK;
  const whole = (inode.size - tail) / format.BLOCK;
  // A tail must lie in one block, so the inode moves until it does; its xattrs may cross blocks, and it itself, too.
  const tailAt = (totals.at + head) % format.BLOCK;
  const moved = tailAt + tail <= format.BLOCK ? 0 : format.alignUp(format.BLOCK - tailAt, format.INODE_SLOT);
  const fits = ((tailAt + moved) % format.BLOCK) + tail <= format.BLOCK;
  // Symlinks are inline or not at all: the kernel's fast way takes only those.
  const inline = tail > 0 && fits && moved + tail <= format.BLOCK && (whole === 0 || inode.names.length > 0);
  inode.layout = inline ? format.FLAT_INLINE : format.FLAT_PLAIN;
  inode.block = totals.blocks;
  totals.blocks += inline || tail === 0 ? whole : whole + 1;
  if (inline) totals.at += moved;
  placeHead(inode, inline ? tail : 0, totals);
}

function placeFile(inode: Inode, file: FileNode, sources: readonly number[], totals: Totals): void {
  checkExtents(file, sources, () => pathOf(inode));
  inode.size = file.size;
  inode.layout = format.FLAT_PLAIN;
  const [extent] = file.extents;
  if (extent === undefined && file.size === 0) return placeHead(inode, 0, totals);
  const aligned = extent !== undefined && extent.offset % format.BLOCK === 0;
  if (aligned && extent.length === file.size && endsInWholeBlock(extent, sources)) {
    inode.device = extent.source;
    inode.block = extent.offset / format.BLOCK;
    return placeHead(inode, 0, totals);
  }
  placeMapped(inode, file, sources, totals);
}

function placeMapped(inode: Inode, file: FileNode, sources: readonly number[], totals: Totals): void {
  const map = mapFile(file, sources);
  inode.map = map;
  for (const piece of map.pieces) {
    if (piece.source !== COPIED) continue;
    piece.block = totals.blocks;
    // The last chunk may reach far beyond the end: only the blocks that are seen are stored.
    const blocks = Math.ceil((Math.min(piece.to, file.size) - piece.from) / format.BLOCK);
    totals.blocks += blocks;
    totals.copied += blocks * format.BLOCK;
  }
  const [piece] = map.pieces;
  if (piece !== undefined && piece.from === 0 && piece.to >= file.size) {
    inode.device = piece.source;
    inode.block = piece.block;
    return placeHead(inode, 0, totals);
  }
  inode.layout = format.CHUNK_BASED;
  const gap = headSize(inode) % format.CHUNK_INDEX_SIZE;
  const indexes = chunksOf(file.size, map.bits) * format.CHUNK_INDEX_SIZE;
  totals.indexes += indexes;
  placeHead(inode, gap + indexes, totals);
}

function checkTotals({ at, blocks, copied, indexes }: Totals, inode: Inode): void {
  if (copied > maxCopied) {
    const what = `contents that are not aligned in their tars take more than ${maxCopied} bytes`;
    throw new Failure("limit", `${what}, at ${pathOf(inode)}`);
  }
  if (indexes > maxIndexBytes) {
    throw new Failure(
      "limit",
      `maps of sparse files take more than ${maxIndexBytes} bytes, at ${pathOf(inode)}`,
    );
  }
  if (at + blocks * format.BLOCK > maxImage) {
    throw new Failure(
      "limit",
      `an image of this tree takes more than ${maxImage} bytes, at ${pathOf(inode)}`,
    );
  }
}
