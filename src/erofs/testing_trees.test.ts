/** For the tests of this folder: short ways to make trees, and the comparison of a mounted one with its origin. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type ByteString, toText } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import type { DirectoryNode, Extent, FileNode, NodeKind, TreeNode } from "../union/index.ts";
import type { ReadSource } from "./index.ts";

export const plain = { mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000, mtimeNs: 0 };

export function directory(
  entries: Iterable<readonly [ByteString, TreeNode]>,
  attributes: Partial<DirectoryNode> = {},
): DirectoryNode {
  return { kind: "directory", ...plain, mode: 0o755, ...attributes, entries: new Map(entries) };
}

export function file(size: number, extents: readonly Extent[], attributes: Partial<FileNode> = {}): FileNode {
  return { kind: "file", ...plain, ...attributes, size, extents };
}

/** An ordinary file: one stretch of the first tar. */
export function stretch(offset: number, size: number, attributes: Partial<FileNode> = {}): FileNode {
  return file(size, size === 0 ? [] : [{ at: 0, length: size, source: 0, offset }], attributes);
}

export function symlink(target: ByteString, xattrs?: ReadonlyMap<ByteString, Uint8Array>): TreeNode {
  return { kind: "symlink", ...plain, mode: 0o777, target, ...(xattrs === undefined ? {} : { xattrs }) };
}

/** What lies in them means nothing, but is different everywhere, and never zero where a test would expect zeros. */
export const tars: readonly Uint8Array[] = [randomBytes(256 * 1024), randomBytes(64 * 1024 + 100)];
export const sizes: readonly number[] = tars.map((bytes) => bytes.length);
export const read: ReadSource = (source, offset, length) =>
  (tars[source] as Uint8Array).subarray(offset, offset + length);

/** Fails unless `path` shows `root`. */
export function assertShows(path: string, root: DirectoryNode, sources = tars): void {
  const links = new Map<TreeNode, number>();
  countLinks(root, links);
  const seen: Seen = { sources, links, inodes: new Map(), nodes: new Map() };
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_RDONLY | sys.O_DIRECTORY);
  try {
    assert.deepEqual(sys.statAt(fd, "."), sys.statAt(sys.AT_FDCWD, path));
    compareNode(fd, ".", "", root, seen);
  } finally {
    sys.close(fd);
  }
}

interface Seen {
  readonly sources: readonly Uint8Array[];
  readonly links: ReadonlyMap<TreeNode, number>;
  readonly inodes: Map<TreeNode, number | bigint>;
  readonly nodes: Map<number | bigint, TreeNode>;
}

function countLinks(node: TreeNode, links: Map<TreeNode, number>): void {
  links.set(node, (links.get(node) ?? 0) + 1);
  if (node.kind !== "directory") return;
  const children = [...node.entries.values()];
  links.set(node, 2 + children.filter(({ kind }) => kind === "directory").length);
  for (const child of children) {
    if (child.kind === "directory") countLinks(child, links);
    else links.set(child, (links.get(child) ?? 0) + 1);
  }
}

const kinds: Readonly<Record<NodeKind, number>> = {
  file: sys.S_IFREG,
  directory: sys.S_IFDIR,
  symlink: sys.S_IFLNK,
  char: sys.S_IFCHR,
  block: sys.S_IFBLK,
  fifo: sys.S_IFIFO,
  socket: sys.S_IFSOCK,
};

function compareNode(dirfd: number, name: ByteString, path: ByteString, node: TreeNode, seen: Seen): void {
  const stat = sys.statAt(dirfd, name);
  const { mode, uid, gid, nlink, mtime, mtimeNs, rdevMajor, rdevMinor } = stat;
  const device = node.kind === "char" || node.kind === "block";
  assert.deepEqual(
    { mode, uid, gid, nlink, mtime, mtimeNs, rdevMajor, rdevMinor },
    {
      mode: kinds[node.kind] | node.mode,
      uid: node.uid,
      gid: node.gid,
      nlink: seen.links.get(node),
      mtime: node.mtime,
      mtimeNs: node.mtimeNs,
      rdevMajor: device ? node.rdevMajor : 0,
      rdevMinor: device ? node.rdevMinor : 0,
    },
    said(path),
  );
  // Hard links have one number, and nobody else has it.
  assert.equal(seen.inodes.get(node) ?? stat.ino, stat.ino, said(path));
  assert.equal(seen.nodes.get(stat.ino) ?? node, node, said(path));
  seen.inodes.set(node, stat.ino);
  seen.nodes.set(stat.ino, node);
  compareXattrs(dirfd, name, path, node);
  if (node.kind === "file") compareContent(dirfd, name, path, node, seen.sources);
  else if (node.kind === "symlink") {
    assert.equal(sys.readlinkAt(dirfd, name), node.target, said(path));
    assert.equal(stat.size, node.target.length, said(path));
  } else if (node.kind === "directory") compareEntries(dirfd, name, path, node, seen);
}

function said(path: ByteString): string {
  return toText(path === "" ? "/" : path);
}

function compareXattrs(dirfd: number, name: ByteString, path: ByteString, node: TreeNode): void {
  const names = [...(node.xattrs?.keys() ?? [])].sort();
  assert.deepEqual([...sys.listXattrAt(dirfd, name)].sort(), names, said(path));
  for (const key of names) {
    const value = sys.getXattrAt(dirfd, name, key);
    assert.ok(value !== undefined && Buffer.compare(value, node.xattrs?.get(key) as Uint8Array) === 0, key);
  }
}

function compareEntries(
  dirfd: number,
  name: ByteString,
  path: ByteString,
  node: DirectoryNode,
  seen: Seen,
): void {
  const fd = sys.openAt(dirfd, name, sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW);
  try {
    const listed = sys.readDir(fd).map((entry) => [entry.name, entry.type]);
    const expected = [...node.entries].map(([entry, { kind }]) => [entry, kind]);
    assert.deepEqual(listed.sort(byName), expected.sort(byName), said(path));
    for (const [entry, child] of node.entries) compareNode(fd, entry, `${path}/${entry}`, child, seen);
  } finally {
    sys.close(fd);
  }
}

function byName([a]: readonly string[], [b]: readonly string[]): number {
  return (a as string) < (b as string) ? -1 : 1;
}

const window = 1 << 16;

/** All of a small file; of a large one what lies about the ends of its extents and of itself, and the middle. */
function compareContent(
  dirfd: number,
  name: ByteString,
  path: ByteString,
  node: FileNode,
  sources: readonly Uint8Array[],
): void {
  const fd = sys.openAt(dirfd, name, sys.O_RDONLY | sys.O_NOFOLLOW);
  try {
    assert.equal(sys.fstat(fd).size, node.size, said(path));
    const middles = [0, node.size / 2, node.size];
    if (node.size > 16 * window) middles.push(...node.extents.flatMap(({ at, length }) => [at, at + length]));
    else for (let at = 0; at < node.size; at += window) middles.push(at);
    for (const middle of middles) {
      compareWindow(fd, path, node, Math.max(0, Math.floor(middle - window / 2)), sources);
    }
  } finally {
    sys.close(fd);
  }
}

function compareWindow(
  fd: number,
  path: ByteString,
  node: FileNode,
  at: number,
  sources: readonly Uint8Array[],
): void {
  // More than is there: a read must stop at the end.
  const bytes = Buffer.alloc(window, 0xee);
  let count = 0;
  for (let got = 1; got > 0 && count < window; count += got) {
    got = sys.pread(fd, bytes.subarray(count), at + count);
  }
  const expected = Buffer.alloc(Math.max(0, Math.min(window, node.size - at)));
  for (const extent of node.extents) {
    const from = Math.max(at, extent.at);
    const to = Math.min(at + window, extent.at + extent.length);
    if (from >= to) continue;
    const offset = extent.offset + from - extent.at;
    expected.set((sources[extent.source] as Uint8Array).subarray(offset, offset + to - from), from - at);
  }
  assert.equal(count, expected.length, said(path));
  assert.ok(bytes.subarray(0, count).equals(expected), `content of ${said(path)} at ${at}`);
}
