/**
 * How a branch says "gone", "opaque", "renamed from" and "attributes only": what each spelling must read and write.
 * Sources: kernel Documentation/filesystems/overlayfs.rst; aufs.5 ("whiteout"); OCI image spec, layer.md.
 */
import type { ByteString } from "../byte_string.ts";
import type { Branch, DirectoryEntry, NodeStat, WritableBranch } from "./types.ts";

/** What one branch has to say about one name. */
export interface Hit {
  /** Undefined where the branch has nothing there to show. */
  readonly stat?: NodeStat;
  /** Nothing of lower branches shows through here. */
  readonly stops: boolean;
}

export interface Listing {
  readonly entries: readonly DirectoryEntry[];
  /** Names that lower branches may not add. */
  readonly hidden: readonly ByteString[];
}

export interface Marks {
  find(branch: Branch, directory: ByteString, name: ByteString): Hit;
  list(branch: Branch, directory: ByteString): Listing;
  /** Whether the branch hides what lower ones have under this name, and has nothing there itself. */
  isWhiteout(branch: Branch, path: ByteString): boolean;
  /** The name, or the path from the root, under which lower branches have the rest of this. */
  redirect(branch: Branch, path: ByteString): ByteString | undefined;
  /** Whether the file's content is the one that lower branches have. */
  isMetacopy(branch: Branch, path: ByteString): boolean;
  /** Attributes of a file as the union shows them. */
  xattrs(branch: Branch, path: ByteString): Map<ByteString, Uint8Array>;
}

/** The other direction, for the one branch that is written to. */
export interface MarkWriter {
  whiteout(branch: WritableBranch, path: ByteString): void;
  removeWhiteout(branch: WritableBranch, path: ByteString): void;
  opaque(branch: WritableBranch, path: ByteString): void;
  isOpaque(branch: Branch, path: ByteString): boolean;
  /** The name under which a branch keeps an attribute that a user names so. */
  storedXattr(name: ByteString): ByteString;
}
