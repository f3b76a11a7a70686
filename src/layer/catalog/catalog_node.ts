/** One layer's own tree, as its tar has it: what a change directory would hold, without the contents. */
import type { ByteString } from "../../byte_string.ts";
import type { NodeKind } from "../../union/index.ts";

/** A stretch of a file's content. */
export interface CatalogExtent {
  /** Place in the file, bytes. */
  readonly at: number;
  readonly length: number;
  /** Place in the layer's tar, bytes. */
  readonly offset: number;
}

/**
 * A name's meaning. Hard links are one node under several names. One shape for all kinds: there are hundreds of
 * thousands of them, and an engine is quickest with objects that look alike.
 */
export interface CatalogNode {
  kind: NodeKind | "whiteout";
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNs: number;
  xattrs: Map<ByteString, Uint8Array> | undefined;
  /** Of a file, bytes. */
  size: number;
  extents: CatalogExtent[];
  /** Of a symlink. */
  target: ByteString;
  rdevMajor: number;
  rdevMinor: number;
  /** Of a directory, and of nothing else. */
  entries: Map<ByteString, CatalogNode> | undefined;
  /** Nothing below shows through here. Counts for directories, and, while a tar is read, for what replaced a whiteout. */
  opaque: boolean;
  /** The tar does not list this directory: where a lower layer has it, that one's attributes stay. */
  implied: boolean;
  /** How many names it has. */
  nlink: number;
}

export function newNode(kind: CatalogNode["kind"]): CatalogNode {
  return {
    kind,
    mode: 0,
    uid: 0,
    gid: 0,
    mtime: 0,
    mtimeNs: 0,
    xattrs: undefined,
    size: 0,
    extents: [],
    target: "",
    rdevMajor: 0,
    rdevMinor: 0,
    entries: kind === "directory" ? new Map() : undefined,
    opaque: false,
    implied: false,
    nlink: 1,
  };
}

/** A directory that no tar lists: Docker's `ImpliedDirectoryMode`, owned by root; without a time of its own. */
export function impliedDirectory(): CatalogNode {
  const node = newNode("directory");
  node.mode = 0o755;
  node.implied = true;
  return node;
}
