/**
 * What a tar would leave if it were unpacked into an empty directory, by the rules of Docker's `archive.Unpack`: later
 * entries replace earlier ones, directories that are not listed are made, and symlinks that the archive itself has made
 * are followed on the way, inside of it only. Marks of layers (`.wh.`) are names like others.
 */
import { type ByteString, toText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import type { TarEntry } from "../../tar/index.ts";
import type { Extent, FileNode, SpecialNode, SymlinkNode, TreeNode } from "../../union/index.ts";
import { isPortable } from "./portable_xattrs.ts";
import { longestName, longestPath } from "./source_path.ts";

export interface IndexLimits {
  /** Entries (default 2,000,000). */
  readonly entries?: number;
  /** Bytes of names, link targets, attributes and sparse maps, all of which are kept in memory (default 512 MiB). */
  readonly names?: number;
  /** Bytes of all files, holes filled in (default 64 GiB). */
  readonly bytes?: number;
}

export const defaultBytes: number = 64 * 2 ** 30;

interface Directory {
  readonly kind: "directory";
  mode: number;
  mtime: number;
  mtimeNs: number;
  readonly uid: 0;
  readonly gid: 0;
  xattrs?: ReadonlyMap<ByteString, Uint8Array>;
  readonly entries: Map<ByteString, Node>;
}

/** On the way to a directory; `length` is that of its path with a slash after it. */
interface Step {
  readonly directory: Directory;
  readonly length: number;
}

type Node = Directory | FileNode | SymlinkNode | SpecialNode;

/** MAXSYMLINKS of the kernel (include/linux/namei.h). */
const maximumLinks = 40;

export class TarIndex {
  readonly #root = newDirectory();
  readonly #limits: Required<IndexLimits>;
  #entries = 0;
  #names = 0;
  #bytes = 0;

  constructor({ entries = 2_000_000, names = 512 << 20, bytes = defaultBytes }: IndexLimits = {}) {
    this.#limits = { entries, names, bytes };
  }

  /** The tree so far. Extents name the archive as source 0. */
  get root(): TreeNode & { readonly kind: "directory" } {
    return this.#root;
  }

  /**
   * @param position place in the archive of what follows the entry's header
   * @throws Failure("invalid"), Failure("limit")
   */
  add(entry: TarEntry, position: number): void {
    this.#count(entry);
    const parts = partsOf(entry.path);
    const name = parts.pop();
    if (name === undefined) {
      if (entry.type !== "directory") throw refused(entry, "is in the place of the root");
      return setAttributes(this.#root, entry);
    }
    const parent = this.#directory(parts, entry);
    if (name.length > longestName) throw refused(entry, `has a name of ${name.length} bytes`);
    const old = parent.entries.get(name);
    if (entry.type === "directory" && old?.kind === "directory") return setAttributes(old, entry);
    // Removed first: what it is linked to may lie in it.
    parent.entries.delete(name);
    parent.entries.set(name, entry.type === "hardlink" ? this.#linked(entry) : newNode(entry, position));
  }

  #count({ path, linkPath, size, xattrs, sparse = [] }: TarEntry): void {
    this.#bytes += size;
    // A hole costs nothing in the archive.
    if (this.#bytes > this.#limits.bytes)
      throw new Failure("limit", `the files in the archive are over ${this.#limits.bytes} bytes`);
    if (++this.#entries > this.#limits.entries)
      throw new Failure("limit", `the archive has more than ${this.#limits.entries} entries`);
    this.#names += path.length + linkPath.length + sparse.length * 64;
    for (const [name, value] of xattrs ?? []) this.#names += name.length + value.length;
    if (this.#names > this.#limits.names)
      throw new Failure("limit", `names and attributes in the archive are over ${this.#limits.names} bytes`);
  }

  /** The directory with these names, made where it is missing. */
  #directory(parts: readonly ByteString[], entry: TarEntry): Directory {
    const trail: Step[] = [{ directory: this.#root, length: 0 }];
    let pending = [...parts];
    let links = 0;
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      const { directory, length } = trail.at(-1) as Step;
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const node = directory.entries.get(name) ?? newDirectory();
      if (node.kind === "directory") {
        // Symlinks can make a path longer than any that an entry has.
        if (length + name.length >= longestPath) throw refused(entry, "leads too deep");
        directory.entries.set(name, node);
        trail.push({ directory: node, length: length + name.length + 1 });
      } else if (node.kind === "symlink" && ++links <= maximumLinks) {
        if (node.target.startsWith("/")) trail.length = 1;
        pending = [...namesOf(node.target), ...pending];
      } else throw refused(entry, `uses ${shown(name)}, a ${node.kind}, as a directory`);
    }
    return (trail.at(-1) as Step).directory;
  }

  #linked(entry: TarEntry): Node {
    const parts = partsOf(entry.linkPath);
    const name = parts.pop();
    const node = name === undefined ? this.#root : this.#directory(parts, entry).entries.get(name);
    if (node === undefined)
      throw refused(entry, `is a link to ${shown(entry.linkPath)}, which is not in the archive`);
    if (node.kind === "directory") throw refused(entry, `is a link to ${shown(entry.linkPath)}, a directory`);
    return node;
  }
}

function newDirectory(): Directory {
  return { kind: "directory", mode: 0o755, mtime: 0, mtimeNs: 0, uid: 0, gid: 0, entries: new Map() };
}

function setAttributes(directory: Directory, { mode, mtime, mtimeNs, xattrs }: TarEntry): void {
  Object.assign(directory, { mode, mtime, mtimeNs });
  if (xattrs !== undefined) directory.xattrs = kept(xattrs);
}

function kept(xattrs: ReadonlyMap<ByteString, Uint8Array>): ReadonlyMap<ByteString, Uint8Array> {
  return new Map([...xattrs].filter(([name]) => isPortable(name)));
}

/** All belongs to root, whoever packed it. */
function newNode(entry: TarEntry, position: number): Node {
  const { type, mode, mtime, mtimeNs, xattrs } = entry;
  const common = {
    mode,
    mtime,
    mtimeNs,
    uid: 0,
    gid: 0,
    ...(xattrs !== undefined && { xattrs: kept(xattrs) }),
  } as const;
  switch (type) {
    case "directory": {
      const directory = newDirectory();
      setAttributes(directory, entry);
      return directory;
    }
    case "symlink":
      if (entry.linkPath === "" || entry.linkPath.length > longestPath)
        throw refused(entry, `is a symlink to ${entry.linkPath.length} bytes`);
      return { ...common, kind: "symlink", mode: 0o777, target: entry.linkPath };
    case "file":
    case "hardlink":
      return { ...common, kind: "file", size: entry.size, extents: extentsOf(entry, position) };
    case "char":
    case "block":
    case "fifo":
      return { ...common, kind: type, rdevMajor: entry.devMajor, rdevMinor: entry.devMinor };
  }
}

function extentsOf({ size, sparse }: TarEntry, position: number): Extent[] {
  if (sparse === undefined) return size === 0 ? [] : [{ at: 0, length: size, source: 0, offset: position }];
  const extents: Extent[] = [];
  let offset = position;
  for (const { offset: at, length } of sparse) {
    if (length > 0) extents.push({ at, length, source: 0, offset });
    offset += length;
  }
  return extents;
}

/** Go's `filepath.Clean` below the root: an absolute path lies inside. @throws Failure("invalid") for what leads out */
function partsOf(path: ByteString): ByteString[] {
  if (path.length > longestPath)
    throw new Failure("invalid", `a path in the archive has ${path.length} bytes`);
  if (path.includes("\0")) throw new Failure("invalid", `${shown(path)} in the archive contains a NUL byte`);
  const parts: ByteString[] = [];
  for (const name of namesOf(path)) {
    if (name !== "..") parts.push(name);
    else if (parts.pop() === undefined && !path.startsWith("/"))
      throw new Failure("invalid", `${shown(path)} is outside of the build context`);
  }
  return parts;
}

function namesOf(path: ByteString): ByteString[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function refused({ path }: TarEntry, why: string): Failure {
  return new Failure("invalid", `${shown(path)} in the build context ${why}`);
}

function shown(path: ByteString): string {
  const text = JSON.stringify(toText(path));
  return text.length > 200 ? `${text.slice(0, 200)}..."` : text;
}
