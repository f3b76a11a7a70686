/** Records and interfaces of the merged view: what a branch is, and what a file system in it looks like. */
import type { ByteString } from "../byte_string.ts";

/**
 * Whose rules the view follows.
 * - `aufs`: whiteouts are files `.wh.<name>`; hard links of lower branches survive copy-up (pseudo-links)
 * - `overlay`: OverlayFS with one lower branch, as Docker's first overlay driver used it
 * - `overlay2`: OverlayFS with many lower branches
 */
export type Dialect = "aufs" | "overlay" | "overlay2";

/**
 * How a branch spells "this name is gone" and "nothing below shows through" (behaviours B043).
 * - `overlay`: char device 0/0 and `trusted.overlay.opaque=y`
 * - `overlay-user`: the same with `user.overlay.*`
 * - `files`: `.wh.<name>` and `.wh..wh..opq`, as in AUFS branches and in layer tars
 * - `none`: it does not: every name means itself, as in a full copy
 */
export type Spelling = "overlay" | "overlay-user" | "files" | "none";

export type NodeKind = "file" | "directory" | "symlink" | "char" | "block" | "fifo" | "socket";

export interface NodeAttributes {
  /** Permission bits with set-id and sticky bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970, may be negative, and nanoseconds 0..999999999 to add. */
  readonly mtime: number;
  readonly mtimeNs: number;
}

export interface NodeStat extends NodeAttributes {
  readonly kind: NodeKind;
  /** Bytes: content of a file, target of a symlink; 0 for all others. */
  readonly size: number;
  /** Names of a file; means nothing for directories. */
  readonly nlink: number;
  /** Names of one branch with the same value are one file. */
  readonly ino: number | bigint;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

export interface DirectoryEntry {
  readonly name: ByteString;
  readonly kind: NodeKind;
}

/**
 * One directory tree of a union. Paths are relative to its root, which is "", and have no `.`, `..` or empty parts;
 * no symlink is ever followed: one in the middle of a path means that there is no such path.
 */
export interface Branch {
  /** How it spells whiteouts; undefined: as the dialect of the view does. */
  readonly spelling?: Spelling;
  /** Undefined where there is no such path. */
  stat(path: ByteString): NodeStat | undefined;
  /** All names in a directory, in any order. */
  list(path: ByteString): readonly DirectoryEntry[];
  /** Bytes of a file; fewer than `length` only at its end. */
  read(path: ByteString, offset: number, length: number): Uint8Array;
  /** What a symlink says, verbatim. */
  readLink(path: ByteString): ByteString;
  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array>;
}

/** What a new name is to be; without a time it gets the present one. */
export interface NewNode extends Omit<NodeAttributes, "mtime" | "mtimeNs"> {
  readonly kind: NodeKind;
  readonly mtime?: number;
  readonly mtimeNs?: number;
  /** What a symlink says. */
  readonly target?: ByteString;
  readonly rdevMajor?: number;
  readonly rdevMinor?: number;
  readonly content?: Uint8Array;
  readonly xattrs?: ReadonlyMap<ByteString, Uint8Array>;
}

/**
 * A branch that takes changes, with the habits of a Linux file system: making, taking away or moving a name sets the
 * time of its directory, writing sets the time of the file. The view checks before it calls; what is asked for fits.
 */
export interface WritableBranch extends Branch {
  create(path: ByteString, node: NewNode): void;
  /** Bytes beyond the end are filled with zeros. */
  write(path: ByteString, offset: number, bytes: Uint8Array): void;
  /** Sets the time also when the size stays the same. */
  truncate(path: ByteString, size: number): void;
  setAttributes(path: ByteString, attributes: Partial<NodeAttributes>): void;
  /** Undefined takes the attribute away. */
  setXattr(path: ByteString, name: ByteString, value: Uint8Array | undefined): void;
  link(from: ByteString, to: ByteString): void;
  /** Replaces what is at `to`: a file, or an empty directory. */
  rename(from: ByteString, to: ByteString): void;
  /** A file, or an empty directory. */
  remove(path: ByteString): void;
}
