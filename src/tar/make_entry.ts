/** From the parts of a tar header to a {@link TarEntry}. */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import type { EntryType, TarEntry } from "./entry.ts";
import { blockSize, type Header } from "./header.ts";
import type { PaxHeader } from "./pax.ts";
import { quoted } from "./text.ts";

/** Bytes from the end of `size` bytes to the next block. */
export function paddingOf(size: number): number {
  // Not `-size & 511`: sizes may be over 2^31.
  return (blockSize - (size % blockSize)) % blockSize;
}

/**
 * What a type flag means. Throws `Failure("unsupported")`, with Docker's text, for flags that Docker does not take.
 */
export function typeOf(flag: number, path: ByteString): EntryType {
  switch (flag) {
    case 0x00: // v7: a trailing slash makes a directory
      return path.endsWith("/") ? "directory" : "file";
    case 0x30:
    case 0x37: // contiguous files are ordinary ones nowadays
    case 0x53:
      return "file";
    case 0x31:
      return "hardlink";
    case 0x32:
      return "symlink";
    case 0x33:
      return "char";
    case 0x34:
      return "block";
    case 0x35:
      return "directory";
    case 0x36:
      return "fifo";
  }
  throw new Failure("unsupported", `unhandled tar header type ${flag} of ${quoted(path)}`);
}

/** Header block and extended header together: an extended header's fields count more. */
export function entryOf(
  header: Header,
  pax: PaxHeader,
  path: ByteString,
  linkPath: ByteString,
  type: EntryType,
  size: number,
): TarEntry {
  const entry: TarEntry = {
    path,
    type,
    linkPath: type === "hardlink" || type === "symlink" ? linkPath : "",
    mode: header.mode & 0o7777,
    uid: ownerId(pax.uid ?? header.uid),
    gid: ownerId(pax.gid ?? header.gid),
    uname: pax.uname ?? header.uname,
    gname: pax.gname ?? header.gname,
    size,
    mtime: pax.mtime?.seconds ?? header.mtime,
    mtimeNs: pax.mtime?.nanoseconds ?? 0,
    devMajor: header.devMajor,
    devMinor: header.devMinor,
  };
  if (pax.atime !== undefined) {
    entry.atime = pax.atime.seconds;
    entry.atimeNs = pax.atime.nanoseconds;
  } else if (header.atime !== undefined) entry.atime = header.atime;
  if (pax.xattrs !== undefined) entry.xattrs = pax.xattrs;
  return entry;
}

/** User and group IDs have 32 bits on Linux; old tars write nobody as -2. */
function ownerId(id: number): number {
  if (id >= -(2 ** 31) && id < 2 ** 32) return id >>> 0;
  throw new Failure("corrupt", `${id} is no user or group ID`);
}
