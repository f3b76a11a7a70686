/** One inode on its way into the image: first collected, then placed, then written. */
import { type ByteString, toText } from "../byte_string.ts";
import type { TreeNode } from "../union/index.ts";
import type { FileMap } from "./map_file.ts";

/** As {@link Inode.device}: blocks of the image itself. */
export const IN_IMAGE = -1;

export interface Inode {
  readonly node: TreeNode;
  /** The directory in which it was met first; undefined for the root. */
  readonly parent: Inode | undefined;
  readonly name: ByteString;
  links: number;
  /** Of a directory: all names with `.` and `..`, in byte order, and what they name. */
  names: readonly ByteString[];
  children: readonly Inode[];
  /** Place in the image, bytes. */
  at: number;
  /** Packed. */
  xattrs: Uint8Array | undefined;
  /** `i_size`: of directories the bytes of their entries. */
  size: number;
  layout: number;
  /** Where `block` counts: the number of a tar, or {@link IN_IMAGE}: from the first block behind the inodes. */
  device: number;
  block: number;
  /** Of files that are not one stretch of blocks. */
  map: FileMap | undefined;
}

export function newInode(node: TreeNode, parent: Inode | undefined, name: ByteString): Inode {
  return {
    node,
    parent,
    name,
    links: node.kind === "directory" ? 2 : 1,
    names: none,
    children: none,
    at: 0,
    xattrs: undefined,
    size: 0,
    layout: 0,
    device: IN_IMAGE,
    block: 0,
    map: undefined,
  };
}

const none: readonly never[] = [];

/** For people: `"/etc/passwd"`, quoted because names of images come from strangers. */
export function pathOf(inode: Inode): string {
  const names: ByteString[] = [];
  for (let at: Inode | undefined = inode; at?.parent !== undefined; at = at.parent) names.push(at.name);
  return JSON.stringify(`/${toText(names.reverse().join("/"))}`);
}
