/**
 * A whole file tree in memory, of which only the contents lie elsewhere: in the layer tars from which it was merged.
 * The common language of who merges layers and who shows the result (EROFS images, FUSE, readers without a mount).
 */
import type { ByteString } from "../byte_string.ts";
import type { NodeAttributes } from "./types.ts";

/** A stretch of a file's content. What lies between stretches, and after the last one, reads as zeros. */
export interface Extent {
  /** Place in the file, bytes. */
  readonly at: number;
  /** Bytes, at least 1. */
  readonly length: number;
  /** Which of the tars, counted from 0. */
  readonly source: number;
  /** Place in that tar, bytes. A multiple of 512 but for sparse files. */
  readonly offset: number;
}

interface CommonNode extends NodeAttributes {
  /** Undefined: there are none. */
  readonly xattrs?: ReadonlyMap<ByteString, Uint8Array>;
}

export interface FileNode extends CommonNode {
  readonly kind: "file";
  /** Bytes. */
  readonly size: number;
  /** In order of `at`, none beyond `size`; none at all for an empty file. */
  readonly extents: readonly Extent[];
}

export interface DirectoryNode extends CommonNode {
  readonly kind: "directory";
  /** Names without `.` and `..`, in any order. */
  readonly entries: ReadonlyMap<ByteString, TreeNode>;
}

export interface SymlinkNode extends CommonNode {
  readonly kind: "symlink";
  /** What it says, verbatim; 1 to 4095 bytes. */
  readonly target: ByteString;
}

export interface SpecialNode extends CommonNode {
  readonly kind: "char" | "block" | "fifo" | "socket";
  /** Device numbers of `char` and `block`, else 0; major below 2^12, minor below 2^20. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

/** Hard links of one file are one object under several names; a directory has one name only. */
export type TreeNode = FileNode | DirectoryNode | SymlinkNode | SpecialNode;
