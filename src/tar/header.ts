/**
 * The 512-byte header block, as POSIX.1-1988 (ustar), Unix v7, GNU and Schily's star lay it out:
 *
 *     0 name 100 · 100 mode 8 · 108 uid 8 · 116 gid 8 · 124 size 12 · 136 mtime 12 · 148 checksum 8 · 156 type 1
 *     157 link name 100 · 257 magic 6 · 263 version 2 · 265 uname 32 · 297 gname 32 · 329 devmajor 8 · 337 devminor 8
 *     345 prefix 155 (ustar) or 131 (star) · GNU: 345 atime 12, 357 ctime 12, 386 sparse map, 483 real size 12
 *
 * Read as leniently as Go's archive/tar reads, because that is what Docker accepts: numbers may be padded by
 * spaces and NULs on both sides and may be base-256; the checksum may be a sum of signed bytes.
 */
import { isAscii, type ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { bytesOf } from "./text.ts";

export const blockSize = 512;

/** How a header block spells what plain ustar cannot. */
export type HeaderFormat = "v7" | "ustar" | "star" | "gnu";

export interface Header {
  format: HeaderFormat;
  /** The type flag's byte. */
  flag: number;
  path: ByteString;
  linkPath: ByteString;
  /** As written, type bits included. */
  mode: number;
  uid: number;
  gid: number;
  /** Size field in bytes; may be negative in a malformed archive. */
  size: number;
  mtime: number;
  uname: ByteString;
  gname: ByteString;
  devMajor: number;
  devMinor: number;
  /** Seconds; only GNU and star headers have one. */
  atime: number | undefined;
}

/**
 * Decodes the block that begins at `at`.
 * Throws `Failure("corrupt")` when the checksum is wrong or a number is malformed.
 */
export function readHeader(block: Buffer, at: number): Header {
  checkSum(block, at);
  const format = formatOf(block, at);
  const header: Header = {
    format,
    flag: block[at + 156] as number,
    path: readString(block, at, 100),
    linkPath: readString(block, at + 157, 100),
    mode: readNumber(block, at + 100, 8),
    uid: readNumber(block, at + 108, 8),
    gid: readNumber(block, at + 116, 8),
    size: readNumber(block, at + 124, 12),
    mtime: readNumber(block, at + 136, 12),
    uname: "",
    gname: "",
    devMajor: 0,
    devMinor: 0,
    atime: undefined,
  };
  if (format !== "v7") readLaterFields(header, block, at);
  return header;
}

function readLaterFields(header: Header, block: Buffer, at: number): void {
  header.uname = ownerNames.read(block, at + 265);
  header.gname = ownerNames.read(block, at + 297);
  header.devMajor = readNumber(block, at + 329, 8);
  header.devMinor = readNumber(block, at + 337, 8);
  if (header.format === "star") header.atime = readNumber(block, at + 476, 12);
  if (block[at + 345] === 0) return;
  let prefix: ByteString;
  if (header.format === "gnu") prefix = readGnuTimes(header, block, at);
  else prefix = readString(block, at + 345, header.format === "star" ? 131 : 155);
  if (prefix !== "") header.path = `${prefix}/${header.path}`;
}

/**
 * Reads GNU's access time. Go before 1.8 wrote a ustar prefix into the same place (golang.org/issue/12594), and
 * layers of that time are still pulled: what is no number is a prefix, and is returned.
 */
function readGnuTimes(header: Header, block: Buffer, at: number): ByteString {
  try {
    const atime = readNumber(block, at + 345, 12);
    if (block[at + 357] !== 0) readNumber(block, at + 357, 12);
    header.atime = atime;
    return "";
  } catch {
    const prefix = readString(block, at + 345, 155);
    return isAscii(prefix) ? prefix : "";
  }
}

function formatOf(block: Buffer, at: number): HeaderFormat {
  // "ustar" and then "\0" for POSIX or " " (and " \0" as the version) for GNU.
  if (block.readUInt32BE(at + 257) !== 0x75737461 || block[at + 261] !== 0x72) return "v7";
  const sixth = block[at + 262];
  if (sixth === 0) return block.readUInt32BE(at + 508) === 0x74617200 ? "star" : "ustar";
  return sixth === 0x20 && block[at + 263] === 0x20 && block[at + 264] === 0 ? "gnu" : "v7";
}

function checkSum(block: Buffer, at: number): void {
  let sum = 0;
  for (let i = at; i < at + 148; i++) sum += block[i] as number;
  for (let i = at + 156; i < at + blockSize; i++) sum += block[i] as number;
  sum += 8 * 32; // the checksum field itself counts as spaces
  const wanted = readNumber(block, at + 148, 8);
  if (wanted === sum || wanted === signedSum(block, at, sum)) return;
  throw new Failure("corrupt", `the checksum is ${wanted}, the block sums up to ${sum}`);
}

/** The sum that tars on machines with signed characters wrote. */
function signedSum(block: Buffer, at: number, sum: number): number {
  for (let i = 0; i < blockSize; i++) {
    if ((i < 148 || i >= 156) && (block[at + i] as number) >= 0x80) sum -= 256;
  }
  return sum;
}

/** Whether the whole block is zeros; two such end an archive. */
export function isZeroBlock(block: Buffer, at: number): boolean {
  if (block[at] !== 0) return false;
  for (let i = at + 1; i < at + blockSize; i++) if (block[i] !== 0) return false;
  return true;
}

/** A field up to its first NUL. */
export function readString(block: Buffer, at: number, length: number): ByteString {
  let end = at;
  const limit = at + length;
  while (end < limit && block[end] !== 0) end++;
  return end === at ? "" : block.toString("latin1", at, end);
}

/** Owner names repeat from entry to entry: comparing bytes is cheaper than making the same string again. */
const ownerNames = {
  last: "",
  read(block: Buffer, at: number): ByteString {
    if (block[at] === 0) return "";
    const { last } = this;
    let i = 0;
    while (i < last.length && block[at + i] === last.charCodeAt(i)) i++;
    if (i === last.length && i > 0 && (i === 32 || block[at + i] === 0)) return last;
    return (this.last = readString(block, at, 32));
  },
};

/**
 * A numeric field: octal, or base-256 where the first bit is set (GNU; two's complement, big endian).
 * Throws `Failure("corrupt")` for anything else, and for numbers beyond 2^53 - 1.
 */
export function readNumber(block: Buffer, at: number, length: number): number {
  const first = block[at] as number;
  if (first >= 0x80) return readBase256(block, at, length);
  let begin = at;
  let end = at + length;
  while (begin < end && isPadding(block[begin] as number)) begin++;
  while (end > begin && isPadding(block[end - 1] as number)) end--;
  let value = 0;
  for (let i = begin; i < end; i++) {
    const digit = (block[i] as number) - 0x30;
    if (digit < 0 || digit > 7) {
      if (digit === -0x30 && i > begin) break; // what follows a NUL is not part of the number
      throw new Failure("corrupt", `${bytesOf(block, at, length)} is not an octal number`);
    }
    value = value * 8 + digit;
  }
  return value;
}

function isPadding(byte: number): boolean {
  return byte === 0x20 || byte === 0;
}

function readBase256(block: Buffer, at: number, length: number): number {
  const negative = ((block[at] as number) & 0x40) !== 0;
  const flip = negative ? 0xff : 0;
  let value = ((block[at] as number) ^ flip) & 0x7f;
  for (let i = at + 1; i < at + length; i++) value = value * 256 + ((block[i] as number) ^ flip);
  if (value > Number.MAX_SAFE_INTEGER - 1) {
    throw new Failure("corrupt", `${bytesOf(block, at, length)} is a number beyond 2^53`);
  }
  return negative ? -value - 1 : value;
}
