/**
 * Sparse maps in the four spellings that GNU tar has had (GNU tar manual, appendix D.2): old GNU (type `S`, the map
 * in the header and in extension blocks), PAX 0.0 (pairs of records), 0.1 (one record) and 1.0 (decimal lines in
 * front of the content). All become a list of {@link SparseRange}.
 */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import type { SparseRange } from "./entry.ts";
import { blockSize, readNumber } from "./header.ts";
import { decimal, type PaxSparse } from "./pax.ts";

/** Bytes that one sparse map may take, as in Go's archive/tar. */
export const maxMapSize = 1 << 20;

/** Where a sparse file's map is to be found. */
export type SparseFormat = "none" | "records" | "content";

/** Which format the records announce; versions that nobody knows are ignored, as GNU tar and Go do. */
export function sparseFormatOf(sparse: PaxSparse | undefined): SparseFormat {
  if (sparse === undefined) return "none";
  const { major, minor } = sparse;
  if (major === "0" && (minor === "0" || minor === "1")) return "records";
  if (major === "1" && minor === "0") return "content";
  if (major !== undefined || minor !== undefined) return "none";
  return sparse.map !== undefined || sparse.pairs !== undefined ? "records" : "none";
}

/** The map of PAX formats 0.0 and 0.1. */
export function mapFromRecords(sparse: PaxSparse): SparseRange[] {
  const numbers = sparse.pairs ?? (sparse.map === undefined ? [] : sparse.map.split(","));
  const count = decimal(sparse.blocks ?? "", "GNU.sparse.numblocks");
  if (numbers.length !== 2 * count) {
    throw new Failure("corrupt", `sparse map has ${numbers.length} numbers for ${count} blocks`);
  }
  return toRanges(numbers);
}

function toRanges(numbers: readonly ByteString[]): SparseRange[] {
  const ranges: SparseRange[] = [];
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    const offset = decimal(numbers[i] as string, "GNU.sparse.offset");
    ranges.push({ offset, length: decimal(numbers[i + 1] as string, "GNU.sparse.numbytes") });
  }
  return ranges;
}

/**
 * Collects a format 1.0 map from content blocks: a count, then offset and length in turn, each a decimal line; the
 * map ends with the block that holds its last line.
 */
export class ContentMap {
  private text = "";
  private lines = 0;
  private wanted = 1;

  /** Takes one block; returns the map when it is complete. */
  add(block: Buffer, at: number): SparseRange[] | undefined {
    this.text += block.toString("latin1", at, at + blockSize);
    if (this.text.length > maxMapSize) throw new Failure("limit", `sparse map is over ${maxMapSize} bytes`);
    for (let i = at; i < at + blockSize; i++) if (block[i] === 0x0a) this.lines++;
    if (this.wanted === 1 && this.lines > 0) {
      const count = decimal(this.text.slice(0, this.text.indexOf("\n")), "sparse map count");
      if (count < 0 || count > maxMapSize) throw new Failure("limit", `sparse map of ${count} entries`);
      this.wanted = 1 + 2 * count;
    }
    if (this.lines < this.wanted) return undefined;
    return toRanges(this.text.split("\n", this.wanted).slice(1));
  }
}

/** Reads old GNU entries, 24 bytes each, up to an empty one. */
export function readOldGnuMap(block: Buffer, at: number, entries: number, into: SparseRange[]): void {
  for (let i = 0; i < entries; i++, at += 24) {
    if (block[at] === 0) return;
    into.push({ offset: readNumber(block, at, 12), length: readNumber(block, at + 12, 12) });
  }
}

/**
 * Checks a map against the file's logical size and its stored content, and drops empty ranges.
 * Throws `Failure("corrupt")` when ranges overlap, are out of order or out of bounds, or do not add up.
 */
export function checkMap(ranges: readonly SparseRange[], size: number, stored: number): SparseRange[] {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of ranges) {
    if (offset < end || length < 0 || length > size - offset) {
      throw new Failure("corrupt", `sparse range of ${length} bytes at ${offset} in a file of ${size} bytes`);
    }
    end = offset + length;
    sum += length;
  }
  if (sum !== stored) {
    throw new Failure("corrupt", `sparse map tells of ${sum} bytes, the archive holds ${stored}`);
  }
  return ranges.filter(({ length }) => length > 0);
}
