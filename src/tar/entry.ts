/** One tar entry, decoded: what ustar, GNU and PAX headers together say. */
import type { ByteString } from "../byte_string.ts";

export type EntryType = "file" | "hardlink" | "symlink" | "char" | "block" | "directory" | "fifo";

/** A stretch of data in a sparse file; what lies between stretches is zeros. Bytes. */
export interface SparseRange {
  readonly offset: number;
  readonly length: number;
}

export interface TarEntry {
  /** As the archive spells it (`./a`, `/a`, `a/` are left alone). */
  path: ByteString;
  type: EntryType;
  /** Target of a hard link or symbolic link, verbatim; else "". */
  linkPath: ByteString;
  /** Permission bits with set-id and sticky bits: `mode & 0o7777`. */
  mode: number;
  uid: number;
  gid: number;
  uname: ByteString;
  gname: ByteString;
  /** Logical size in bytes (of the expanded file if sparse); 0 for all but files. */
  size: number;
  /** Whole seconds since 1970, may be negative, and nanoseconds 0..999999999 to add. */
  mtime: number;
  mtimeNs: number;
  atime?: number;
  atimeNs?: number;
  devMajor: number;
  devMinor: number;
  /** Extended attributes (`SCHILY.xattr.*`, `LIBARCHIVE.xattr.*`), byte-exact; undefined when there are none. */
  xattrs?: Map<ByteString, Uint8Array>;
  /** Data stretches of a sparse file in order; undefined for an ordinary one. */
  sparse?: SparseRange[];
}

/**
 * Takes a tar as it is parsed. Everything is synchronous: a sink that must wait uses a worker.
 * For each entry: `entry` once, `data` any number of times (files only), `endEntry` once.
 */
export interface TarSink {
  entry(entry: TarEntry): void;
  /** Content bytes; `offset` is their place in the logical file. The chunk is valid only during the call. */
  data(chunk: Uint8Array, offset: number): void;
  endEntry(): void;
}

/** Sees every byte of the archive in order, split as tar-split needs it. */
export interface RawSink {
  /** Header blocks, PAX and GNU long-name blocks, sparse maps, padding, end blocks: all that is not content. */
  raw(chunk: Uint8Array): void;
  /**
   * An entry's header is complete; its content of `storedSize` bytes follows in calls of `content`. All of a sparse
   * file is given to `raw`, with a `storedSize` of 0, because the unpacked file does not tell how it was stored.
   */
  beginContent(name: ByteString, storedSize: number): void;
  content(chunk: Uint8Array): void;
  /** The two zero blocks at the end were given; what `raw` gets now is junk or padding. */
  beginRest?(): void;
}
