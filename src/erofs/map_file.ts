/** Which blocks of which device make up a file that is not simply one stretch of a tar. */
import { Failure } from "../errors.ts";
import type { Extent, FileNode } from "../union/index.ts";
import { alignUp, BLOCK, MAX_CHUNK_BITS } from "./format.ts";

/** As {@link Piece.source}: has to be copied into the image. */
export const COPIED = -1;

/** A stretch of whole chunks of a file; the last one may reach beyond the file's end. Between pieces are holes. */
export interface Piece {
  /** Bytes. */
  readonly from: number;
  to: number;
  readonly source: number;
  /** First block: in the tar, or, once placed, in the image's blocks. */
  block: number;
}

export interface FileMap {
  /** log2 of the blocks of a chunk. */
  readonly bits: number;
  /** In order, never overlapping. */
  readonly pieces: readonly Piece[];
}

/** 8 MiB of indexes for one file. */
const maxIndexes = 1 << 20;

/** Divides a file, of which extents are in order and inside of file and tar, into pieces, with chunks as large as can be. */
export function mapFile(file: FileNode, sources: readonly number[]): FileMap {
  const extents = joined(file.extents);
  const pieces = divide(extents, file.size, sources, BLOCK);
  const bits = commonBits(pieces, file.size);
  if (chunksOf(file.size, bits) <= maxIndexes) return { bits, pieces };
  // A few blocks far apart (a lastlog of 300 GB) would need a long index that says "hole" most of the time. With
  // larger chunks those that are partly hole are copied, zeros and all.
  let coarse = bits;
  while (chunksOf(file.size, coarse) > maxIndexes && coarse < MAX_CHUNK_BITS) coarse++;
  return { bits: coarse, pieces: divide(extents, file.size, sources, BLOCK * 2 ** coarse) };
}

/** How many indexes a file of `size` bytes has. */
export function chunksOf(size: number, bits: number): number {
  return Math.ceil(size / (BLOCK * 2 ** bits));
}

/** Extents that continue each other in file and tar become one. */
function joined(extents: readonly Extent[]): Extent[] {
  const result: Extent[] = [];
  let last: Extent | undefined;
  for (const extent of extents) {
    if (
      last !== undefined &&
      last.source === extent.source &&
      last.at + last.length === extent.at &&
      last.offset + last.length === extent.offset
    ) {
      last = { ...last, length: last.length + extent.length };
      result[result.length - 1] = last;
    } else result.push((last = extent));
  }
  return result;
}

/**
 * A chunk is used in place where one extent fills it, at a block's boundary of the tar. One that an extent fills only
 * partly would show what else lies in the tar, so it is copied, except for the last: nothing is seen beyond the size.
 */
function divide(
  extents: readonly Extent[],
  size: number,
  sources: readonly number[],
  chunk: number,
): Piece[] {
  const pieces: Piece[] = [];
  for (const extent of extents) {
    const { at, length, source, offset } = extent;
    const end = at + length;
    const first = alignDown(at, chunk);
    const last = alignUp(end, chunk);
    const from = alignUp(at, chunk);
    const to = end === size && endsInWholeBlock(extent, sources) ? last : alignDown(end, chunk);
    if ((offset - at) % BLOCK !== 0 || to <= from) {
      copy(pieces, first, last);
      continue;
    }
    copy(pieces, first, from);
    pieces.push({ from, to, source, block: (offset + from - at) / BLOCK });
    copy(pieces, to, last);
  }
  return pieces;
}

/** A tar need not end at a block's end, and the kernel reads no part of a block (EIO). */
export function endsInWholeBlock({ offset, length, source }: Extent, sources: readonly number[]): boolean {
  return alignUp(offset + length, BLOCK) <= (sources[source] as number);
}

function alignDown(value: number, unit: number): number {
  return Math.floor(value / unit) * unit;
}

function copy(pieces: Piece[], from: number, to: number): void {
  if (from >= to) return;
  const last = pieces.at(-1);
  // Two small extents may lie in one chunk.
  if (last !== undefined && last.source === COPIED && last.to >= from) last.to = Math.max(last.to, to);
  else pieces.push({ from, to, source: COPIED, block: 0 });
}

/** The largest chunk of which every seam between pieces is a multiple; no larger than the file needs. */
function commonBits(pieces: readonly Piece[], size: number): number {
  let bits = 0;
  while (bits < MAX_CHUNK_BITS && BLOCK * 2 ** bits < size) bits++;
  for (const { from, to } of pieces) {
    if (from > 0) bits = Math.min(bits, trailingZeros(from / BLOCK));
    if (to < size) bits = Math.min(bits, trailingZeros(to / BLOCK));
  }
  return bits;
}

/** At most 31. */
function trailingZeros(value: number): number {
  const low = value % 2 ** MAX_CHUNK_BITS;
  return low === 0 ? MAX_CHUNK_BITS : 31 - Math.clz32(low & -low);
}

/** @throws Failure("invalid") unless extents are in order, apart, and inside of the file and of the tars */
export function checkExtents(file: FileNode, sources: readonly number[], path: () => string): void {
  let end = 0;
  for (const { at, length, source, offset } of file.extents) {
    const size = sources[source];
    const said = `${length} bytes at ${at} of file ${path()}`;
    if (!isCount(at) || !isCount(offset) || !isCount(length) || length === 0 || at < end) {
      throw new Failure("invalid", `${said} are out of order: what came before ends at ${end}`);
    }
    end = at + length;
    if (end > file.size) throw new Failure("invalid", `${said} lie beyond its size, ${file.size}`);
    if (size === undefined) throw new Failure("invalid", `${said} are in tar ${source} of ${sources.length}`);
    if (offset + length > size) {
      throw new Failure("invalid", `${said} are at ${offset} of tar ${source}, which has only ${size} bytes`);
    }
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
