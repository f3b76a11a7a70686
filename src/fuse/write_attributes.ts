/** `fuse_attr` and the records around it. */
import type { FileNode, TreeNode } from "../union/index.ts";
import type { NodeTable } from "./node_table.ts";
import type { Owners } from "./owners.ts";
import type { Reply } from "./reply.ts";

/** `fuse_entry_out` and `fuse_attr_out`, in bytes. */
export const entrySize = 128;
export const attributesSize = 104;

/** Seconds for which the kernel may believe an answer: the tree never changes. (68 years; the kernel caps it.) */
const forever = 0x7fff_ffff;

const types: Record<TreeNode["kind"], number> = {
  fifo: 1,
  char: 2,
  directory: 4,
  block: 6,
  file: 8,
  symlink: 10,
  socket: 12,
};

/** What `d_type` of readdir says, which is also the top of `st_mode`. */
export function typeOf(node: TreeNode): number {
  return types[node.kind];
}

/** All that is said of a file is said by this. */
export interface Facts {
  readonly table: NodeTable;
  readonly owners: Owners;
}

/** Writes a `fuse_entry_out` at word `at`. */
export function writeEntry(reply: Reply, at: number, facts: Facts, node: TreeNode): void {
  const id = facts.table.idOf(node);
  const { words } = reply;
  words.fill(0, at, at + 10);
  reply.wide(at, id);
  words[at + 4] = forever;
  words[at + 6] = forever;
  writeAttributes(reply, at + 10, facts, node, id);
}

/** Writes a `fuse_entry_out` at word `at` that says that there is no such name, now and later. */
export function writeNoEntry(reply: Reply, at: number): void {
  reply.words.fill(0, at, at + entrySize / 4);
  reply.words[at + 4] = forever;
}

/** Writes a `fuse_attr_out` at word `at`. */
export function writeAttributesReply(reply: Reply, at: number, facts: Facts, id: number): void {
  reply.words.fill(0, at, at + 4);
  reply.words[at] = forever;
  writeAttributes(reply, at + 4, facts, facts.table.node(id) as TreeNode, id);
}

/** What a directory takes on most disks; nothing depends on it. */
const directorySize = 4096;

function sizeOf(node: TreeNode): number {
  if (node.kind === "file") return node.size;
  if (node.kind === "symlink") return node.target.length;
  return node.kind === "directory" ? directorySize : 0;
}

/** Blocks of 512 bytes. */
function blocksOf(node: TreeNode, size: number): number {
  return Math.ceil((node.kind === "file" ? storedSize(node) : node.kind === "directory" ? size : 0) / 512);
}

function storedSize({ extents }: FileNode): number {
  let stored = 0;
  for (const { length } of extents) stored += length;
  return stored;
}

/** `new_encode_dev()` of include/linux/kdev_t.h. */
function deviceOf(node: TreeNode): number {
  if (node.kind !== "char" && node.kind !== "block") return 0;
  const { rdevMajor, rdevMinor } = node;
  return (rdevMinor & 0xff) | (rdevMajor << 8) | ((rdevMinor & ~0xff) << 12);
}

function writeAttributes(
  reply: Reply,
  at: number,
  { table, owners }: Facts,
  node: TreeNode,
  id: number,
): void {
  const { words } = reply;
  const size = sizeOf(node);
  reply.wide(at, id);
  reply.wide(at + 2, size);
  reply.wide(at + 4, blocksOf(node, size));
  for (const time of [at + 6, at + 8, at + 10]) reply.wide(time, node.mtime);
  words.fill(node.mtimeNs, at + 12, at + 15);
  words[at + 15] = (typeOf(node) << 12) | owners.mode(node);
  words[at + 16] = table.links(id);
  words[at + 17] = owners.uid(node);
  words[at + 18] = owners.gid(node);
  words[at + 19] = deviceOf(node);
  words[at + 20] = 4096;
  words[at + 21] = 0;
}
