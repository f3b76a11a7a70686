/** A branch that is a tree in memory, its contents ranges of files on this machine. Needs neither mount nor root. */
import { closeSync, openSync, readSync } from "node:fs";
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import type { DirectoryNode, FileNode, TreeNode } from "./tree_node.ts";
import type { Branch, DirectoryEntry, NodeStat } from "./types.ts";
import { UnionError } from "./union_error.ts";

/** Files are opened when they are first read, and closed by disposal. */
export class TreeBranch implements Branch, Disposable {
  /** A merged tree has no marks. */
  readonly spelling = "none";
  readonly #root: DirectoryNode;
  readonly #sources: readonly (string | number)[];
  readonly #open = new Map<number, number>();
  /** Names and inode numbers of all nodes that have been asked for. */
  readonly #inodes = new Map<TreeNode, { readonly ino: number; readonly nlink: number }>();

  /** @param sources the files that extents name: paths, or descriptors that stay open as long as this is used */
  constructor(root: DirectoryNode, sources: readonly (string | number)[]) {
    this.#root = root;
    this.#sources = sources;
    this.#number();
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  stat(path: ByteString): NodeStat | undefined {
    const node = this.#find(path);
    if (node === undefined) return undefined;
    const { kind, mode, uid, gid, mtime, mtimeNs } = node;
    const isDevice = kind === "char" || kind === "block";
    return {
      kind,
      mode,
      uid,
      gid,
      mtime,
      mtimeNs,
      size: kind === "file" ? node.size : kind === "symlink" ? node.target.length : 0,
      rdevMajor: isDevice ? node.rdevMajor : 0,
      rdevMinor: isDevice ? node.rdevMinor : 0,
      ...(this.#inodes.get(node) as { ino: number; nlink: number }),
    };
  }

  list(path: ByteString): DirectoryEntry[] {
    const node = this.#existing(path);
    if (node.kind !== "directory") throw new UnionError("ENOTDIR", "list", path);
    return [...node.entries].map(([name, { kind }]) => ({ name, kind }));
  }

  read(path: ByteString, offset: number, length: number): Uint8Array {
    const node = this.#existing(path);
    if (node.kind !== "file") throw new UnionError("EINVAL", "read", path);
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, node.size - offset)));
    for (const extent of node.extents) this.#copy(extent, bytes, offset);
    return bytes;
  }

  /** Copies what of the extent lies in `bytes`, which stand for the file from `offset` on. */
  #copy({ at, length, source, offset }: FileNode["extents"][number], bytes: Buffer, from: number): void {
    const begin = Math.max(at, from);
    const end = Math.min(at + length, from + bytes.length);
    for (let place = begin; place < end;) {
      const read = readSync(this.#fd(source), bytes, place - from, end - place, offset + place - at);
      if (read === 0)
        throw new Failure("corrupt", `layer file ${this.#sources[source]} ends before it should`, {
          hint: "Remove the images that use the layer and pull them again.",
        });
      place += read;
    }
  }

  readLink(path: ByteString): ByteString {
    const node = this.#existing(path);
    if (node.kind !== "symlink") throw new UnionError("EINVAL", "readlink", path);
    return node.target;
  }

  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
    return this.#existing(path).xattrs ?? new Map();
  }

  #fd(source: number): number {
    const given = this.#sources[source];
    if (typeof given === "number") return given;
    const open = this.#open.get(source) ?? openSync(given as string, "r");
    this.#open.set(source, open);
    return open;
  }

  #existing(path: ByteString): TreeNode {
    const node = this.#find(path);
    if (node === undefined) throw new UnionError("ENOENT", "find", path);
    return node;
  }

  #find(path: ByteString): TreeNode | undefined {
    let node: TreeNode | undefined = this.#root;
    if (path === "") return node;
    for (const name of path.split("/"))
      node = node?.kind === "directory" ? node.entries.get(name) : undefined;
    return node;
  }

  /** Hard links are one node met several times. */
  #number(): void {
    const names = new Map<TreeNode, number>([[this.#root, 1]]);
    // A list that grows, and no recursion: a hostile tar can nest deeper than the stack.
    const directories = [this.#root];
    for (const directory of directories) {
      for (const node of directory.entries.values()) {
        names.set(node, (names.get(node) ?? 0) + 1);
        if (node.kind === "directory") directories.push(node);
      }
    }
    let ino = 1;
    for (const [node, nlink] of names) this.#inodes.set(node, { ino: ino++, nlink });
  }
}
