/**
 * Header blocks exactly as Go's archive/tar writes them for Docker (format PAX, which means ustar where ustar can
 * say it all): the same entry gives the same bytes, hence the same diff ID.
 */
import { posix } from "node:path";
import { isAscii, type ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import type { EntryType, TarEntry } from "./entry.ts";
import { blockSize } from "./header.ts";
import { quoted } from "./text.ts";

const flags: Record<EntryType, string> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  char: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/** Type bits of `st_mode`. A hard link carries those of a file, as Docker's do. */
const typeBits: Record<EntryType, number> = {
  file: 0o100000,
  hardlink: 0o100000,
  symlink: 0o120000,
  char: 0o020000,
  block: 0o060000,
  directory: 0o040000,
  fifo: 0o010000,
};

const maxUstarSize = 0o77777777777;
const maxUstarId = 0o7777777;

export interface HeaderStyle {
  /** Write nanoseconds and access times (default: whole seconds of mtime only, as Docker). */
  readonly nanoseconds: boolean;
  /** Write `0100644` instead of `0644` (behaviours B141). */
  readonly typeBits: boolean;
}

/** All blocks in front of the content. Throws `Failure("invalid")` for an entry that no tar can hold. */
export function formatHeader(entry: TarEntry, style: HeaderStyle): Buffer {
  check(entry);
  const records = paxRecords(entry, style);
  const split = splitPath(entry.path);
  // A splittable long name alone is no reason for PAX, but its record is written when something else is one.
  const plain = records.size === 0 || (records.size === 1 && records.has("path") && split !== undefined);
  if (plain) {
    const block = Buffer.alloc(blockSize);
    fill(block, 0, entry, style, split?.name ?? entry.path);
    if (split !== undefined) block.write(split.prefix, 345, "latin1");
    seal(block, 0);
    return block;
  }
  const body = formatRecords(records);
  const padded = Math.ceil(body.length / blockSize) * blockSize;
  const blocks = Buffer.alloc(blockSize + padded + blockSize);
  fillExtended(blocks, entry.path, body.length);
  blocks.write(body, blockSize, "latin1");
  fill(blocks, blockSize + padded, entry, style, toAscii(entry.path));
  seal(blocks, blockSize + padded);
  return blocks;
}

function check({ path, linkPath, type, devMajor, devMinor, mtime }: TarEntry): void {
  const bad = (why: string) => new Failure("invalid", `cannot write tar entry ${quoted(path)}: ${why}`);
  if (path.includes("\0") || linkPath.includes("\0")) throw bad("its name holds a NUL byte");
  if (path === "") throw bad("it has no name");
  if (path.endsWith("/") && (type === "file" || type === "char" || type === "block" || type === "fifo")) {
    throw bad(`a ${type} may not have a trailing slash`);
  }
  if (devMajor > maxUstarId || devMinor > maxUstarId) throw bad("its device number is too large");
  if (!Number.isSafeInteger(mtime)) throw bad(`its time is ${mtime}`);
}

/** The fields that ustar cannot hold, by PAX key. */
function paxRecords(entry: TarEntry, style: HeaderStyle): Map<ByteString, ByteString> {
  const records = new Map<ByteString, ByteString>();
  const text = (key: string, value: ByteString, length: number) => {
    if (value.length > length || !isAscii(value)) records.set(key, value);
  };
  text("path", entry.path, 100);
  text("linkpath", entry.linkPath, 100);
  text("uname", entry.uname, 32);
  text("gname", entry.gname, 32);
  if (entry.uid > maxUstarId) records.set("uid", `${entry.uid}`);
  if (entry.gid > maxUstarId) records.set("gid", `${entry.gid}`);
  if (entry.size > maxUstarSize) records.set("size", `${entry.size}`);
  const nanoseconds = style.nanoseconds ? entry.mtimeNs : 0;
  if (nanoseconds !== 0 || entry.mtime < 0 || entry.mtime > maxUstarSize) {
    records.set("mtime", formatPaxTime(entry.mtime, nanoseconds));
  }
  if (style.nanoseconds && entry.atime !== undefined) {
    records.set("atime", formatPaxTime(entry.atime, entry.atimeNs ?? 0));
  }
  if (entry.xattrs !== undefined) {
    for (const [name, value] of entry.xattrs) setXattr(records, name, value);
  }
  return records;
}

/** A key may not hold "=", so such names go in libarchive's URL-encoded spelling; Go could not write them at all. */
function setXattr(records: Map<ByteString, ByteString>, name: ByteString, value: Uint8Array): void {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (!name.includes("=")) records.set(`SCHILY.xattr.${name}`, bytes.toString("latin1"));
  else {
    const escaped = name.replace(
      /[^!-$&-<>-~]/g,
      (char) => `%${char.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`,
    );
    records.set(`LIBARCHIVE.xattr.${escaped}`, bytes.toString("base64"));
  }
}

/** Records sorted by key, each with its own length in front. */
function formatRecords(records: Map<ByteString, ByteString>): ByteString {
  let body = "";
  for (const [key, value] of [...records].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const rest = key.length + value.length + 3;
    let length = rest + `${rest}`.length;
    if (`${length}`.length + rest !== length) length++; // the longer length needs one digit more
    body += `${length} ${key}=${value}\n`;
  }
  return body;
}

/** Decimal seconds with a fraction without trailing zeros; negative times are written sign and magnitude. */
export function formatPaxTime(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return `${seconds}`;
  const sign = seconds < 0 ? "-" : "";
  const [whole, part] = seconds < 0 ? [-(seconds + 1), 1e9 - nanoseconds] : [seconds, nanoseconds];
  return `${sign}${whole}.${`${part}`.padStart(9, "0").replace(/0+$/, "")}`;
}

/**
 * Splits a name of more than 100 bytes at a slash into ustar's prefix (155) and name (100); undefined where that
 * is not possible or not needed.
 */
export function splitPath(path: ByteString): { prefix: ByteString; name: ByteString } | undefined {
  if (path.length <= 100 || !isAscii(path)) return undefined;
  let length = Math.min(path.length, 156);
  if (path.length <= 156 && path.endsWith("/")) length--;
  const slash = path.lastIndexOf("/", length - 1);
  const rest = path.length - slash - 1;
  if (slash <= 0 || rest > 100 || rest === 0 || slash > 155) return undefined;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

/** The header of the extended header itself: `dir/PaxHeaders.0/base`, all owner fields zero. */
function fillExtended(block: Buffer, path: ByteString, size: number): void {
  const slash = path.lastIndexOf("/") + 1;
  const name = toAscii(posix.join(path.slice(0, slash), "PaxHeaders.0", path.slice(slash)));
  block.write(name.slice(0, 100).replace(/\/+$/, ""), 0, "latin1");
  for (const at of [100, 108, 116]) octal(block, at, 8, 0);
  octal(block, 124, 12, size);
  octal(block, 136, 12, 0);
  block.write("x", 156, "latin1");
  seal(block, 0);
}

function fill(block: Buffer, at: number, entry: TarEntry, style: HeaderStyle, name: ByteString): void {
  const { type } = entry;
  string(block, at, 100, name);
  octal(block, at + 100, 8, (entry.mode & 0o7777) | (style.typeBits ? typeBits[type] : 0));
  octal(block, at + 108, 8, entry.uid);
  octal(block, at + 116, 8, entry.gid);
  octal(block, at + 124, 12, type === "file" ? entry.size : 0);
  octal(block, at + 136, 12, entry.mtime);
  block.write(flags[type], at + 156, "latin1");
  string(block, at + 157, 100, toAscii(entry.linkPath));
  string(block, at + 265, 32, toAscii(entry.uname));
  string(block, at + 297, 32, toAscii(entry.gname));
  octal(block, at + 329, 8, entry.devMajor);
  octal(block, at + 337, 8, entry.devMinor);
}

/** Magic, version and checksum (six digits, NUL, space). */
function seal(block: Buffer, at: number): void {
  block.write("ustar\x0000", at + 257, "latin1");
  let sum = 8 * 32;
  for (let i = at; i < at + blockSize; i++) sum += block[i] as number;
  octal(block, at + 148, 7, sum);
  block[at + 155] = 0x20;
}

function string(block: Buffer, at: number, length: number, value: ByteString): void {
  if (value === "") return;
  block.write(value, at, length, "latin1");
  if (value.length <= length || value[length - 1] !== "/") return;
  // A name cut off behind a slash would make buggy readers see a directory; Go ends it before the slash.
  block[at + value.slice(0, length - 1).replace(/\/+$/, "").length] = 0;
}

/** Digits with leading zeros and a final NUL; what does not fit is written as 0, its value is in the PAX record. */
function octal(block: Buffer, at: number, length: number, value: number): void {
  let rest = value < 0 || value >= 8 ** (length - 1) ? 0 : value;
  for (let i = at + length - 2; i >= at; i--) {
    block[i] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

function toAscii(value: ByteString): ByteString {
  return isAscii(value) ? value : value.replace(/[^\x01-\x7f]/g, "");
}
