/**
 * PAX extended headers (POSIX.1-2001, pax, "pax Extended Header"): records `length SP key "=" value LF`, where
 * `length` counts the whole record in bytes. Keys and values are kept as bytes, so `hdrcharset=BINARY` needs no
 * special treatment.
 */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { bytesOf, quoted } from "./text.ts";

/** What an extended header says about the next entry; a field is undefined when there is no record of it. */
export interface PaxHeader {
  path?: ByteString;
  linkPath?: ByteString;
  uname?: ByteString;
  gname?: ByteString;
  uid?: number;
  gid?: number;
  /** Bytes of content as stored. */
  size?: number;
  mtime?: PaxTime;
  atime?: PaxTime;
  xattrs?: Map<ByteString, Uint8Array>;
  sparse?: PaxSparse;
}

export interface PaxTime {
  /** Whole seconds, rounded down. */
  seconds: number;
  /** 0..999999999, to be added. */
  nanoseconds: number;
}

/** Records `GNU.sparse.*` (GNU tar manual, "Storing Sparse Files"), as they stand. */
export interface PaxSparse {
  major?: ByteString;
  minor?: ByteString;
  name?: ByteString;
  /** Format 0.x calls it `size`, format 1.0 `realsize`. */
  size?: ByteString;
  blocks?: ByteString;
  map?: ByteString;
  /** Format 0.0: offsets and lengths in turn, each in a record of its own. */
  pairs?: ByteString[];
}

/** Parses all records in `body[at..end]`. Throws `Failure("corrupt")` as Go's archive/tar does. */
export function parsePax(body: Buffer, at: number, end: number): PaxHeader {
  const header: PaxHeader = {};
  while (at < end) {
    let i = at;
    let length = 0;
    for (; i < end; i++) {
      const digit = (body[i] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
    }
    const next = at + length;
    const equals = body.indexOf(0x3d, i + 1);
    if (
      i === at ||
      body[i] !== 0x20 ||
      length < 5 ||
      next > end ||
      body[next - 1] !== 0x0a ||
      equals <= i + 1 ||
      equals >= next
    ) {
      throw new Failure("corrupt", `malformed PAX record ${bytesOf(body, at, Math.min(end - at, 60))}`);
    }
    setRecord(header, body.toString("latin1", i + 1, equals), body, equals + 1, next - 1);
    at = next;
  }
  return header;
}

const schily = "SCHILY.xattr.";
const libarchive = "LIBARCHIVE.xattr.";

function setRecord(header: PaxHeader, key: string, body: Buffer, from: number, to: number): void {
  if (key.startsWith(schily)) {
    // The copy is needed: the body lies in a chunk that is gone after the call.
    (header.xattrs ??= new Map()).set(withoutNul(key.slice(schily.length), key), copyOf(body, from, to));
    return;
  }
  if (key.startsWith(libarchive)) return setLibarchive(header, key, body.toString("latin1", from, to));
  if (from === to) return; // an empty value deletes the record: the header block's field counts
  const value = body.toString("latin1", from, to);
  switch (key) {
    case "path":
      header.path = withoutNul(value, key);
      return;
    case "linkpath":
      header.linkPath = withoutNul(value, key);
      return;
    case "uname":
      header.uname = withoutNul(value, key);
      return;
    case "gname":
      header.gname = withoutNul(value, key);
      return;
    case "uid":
      header.uid = decimal(value, key);
      return;
    case "gid":
      header.gid = decimal(value, key);
      return;
    case "size":
      header.size = decimal(value, key);
      return;
    case "mtime":
      header.mtime = parsePaxTime(value);
      return;
    case "atime":
      header.atime = parsePaxTime(value);
      return;
    case "ctime":
      parsePaxTime(value); // nobody can set it, but a malformed one makes Docker refuse the archive
      return;
  }
  if (key.startsWith("GNU.sparse.")) setSparse((header.sparse ??= {}), key.slice(11), value);
  else withoutNul(key, key);
}

function setSparse(sparse: PaxSparse, key: string, value: ByteString): void {
  switch (key) {
    case "major":
      sparse.major = value;
      return;
    case "minor":
      sparse.minor = value;
      return;
    case "name":
      sparse.name = withoutNul(value, "GNU.sparse.name");
      return;
    case "size":
    case "realsize":
      sparse.size = value;
      return;
    case "numblocks":
      sparse.blocks = value;
      return;
    case "map":
      sparse.map = value;
      return;
    case "offset":
    case "numbytes": {
      const pairs = (sparse.pairs ??= []);
      if ((pairs.length % 2 === 0) !== (key === "offset")) {
        throw new Failure("corrupt", `PAX record GNU.sparse.${key} is out of order`);
      }
      pairs.push(value);
    }
  }
}

/** libarchive's own spelling: the name URL-encoded, the value in base64. `SCHILY.xattr` goes first. */
function setLibarchive(header: PaxHeader, key: string, value: ByteString): void {
  const name = key
    .slice(libarchive.length)
    .replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  const xattrs = (header.xattrs ??= new Map());
  if (!xattrs.has(withoutNul(name, key))) xattrs.set(name, new Uint8Array(Buffer.from(value, "base64")));
}

function copyOf(body: Buffer, from: number, to: number): Uint8Array {
  return new Uint8Array(body.subarray(from, to));
}

function withoutNul(value: ByteString, key: string): ByteString {
  if (!value.includes("\0")) return value;
  throw new Failure("corrupt", `PAX record ${quoted(key)} holds a NUL byte`);
}

/** A whole number. Throws `Failure("corrupt")` for anything else and beyond 2^53 - 1. */
export function decimal(value: ByteString, key: string): number {
  const number = /^[+-]?[0-9]+$/.test(value) ? Number(value) : NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new Failure("corrupt", `PAX record ${key}=${quoted(value)} is not a whole number below 2^53`);
}

/**
 * Seconds with a fraction, as in `1700000000.123456789` or `-1.5`; digits beyond nanoseconds are dropped.
 * Throws `Failure("corrupt")` for anything else.
 */
export function parsePaxTime(value: ByteString): PaxTime {
  const match = /^([+-]?[0-9]+)(?:\.([0-9]*))?$/.exec(value);
  const seconds = match === null ? NaN : Number(match[1]);
  if (match === null || !Number.isSafeInteger(seconds)) {
    throw new Failure("corrupt", `PAX record holds the malformed time ${quoted(value)}`);
  }
  const nanoseconds = Number((match[2] ?? "").slice(0, 9).padEnd(9, "0"));
  if (!value.startsWith("-") || nanoseconds === 0) return { seconds: seconds + 0, nanoseconds };
  // "-0.25" is a quarter of a second before 1970: -1 s and 750 ms.
  return { seconds: seconds - 1, nanoseconds: 1e9 - nanoseconds };
}
