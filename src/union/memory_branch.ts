/** A branch that lives in memory. */
import type { ByteString } from "../byte_string.ts";
import { nameOf, parentOf } from "./path.ts";
import type { DirectoryEntry, NewNode, NodeAttributes, NodeStat, Spelling, WritableBranch } from "./types.ts";
import { UnionError } from "./union_error.ts";

type Time = Pick<NodeAttributes, "mtime" | "mtimeNs">;

interface Inode {
  readonly ino: number;
  readonly node: NewNode;
  attributes: NodeAttributes;
  nlink: number;
  size: number;
  /** At least `size` bytes. */
  bytes: Uint8Array;
  readonly xattrs: Map<ByteString, Uint8Array>;
  readonly children: Map<ByteString, Inode>;
}

export interface MemoryBranchOptions {
  readonly spelling?: Spelling;
  /** What time it is; default: the machine's. */
  readonly now?: () => Time;
  /** Of the root directory; default 0755, owned by root. */
  readonly root?: Partial<NodeAttributes>;
}

const nothing = new Uint8Array(0);
// Shared by all branches: a file that lies in two of them by a hard link has the same number in both.
let lastInode = 1;

function machineTime(): Time {
  const now = Date.now();
  return { mtime: Math.floor(now / 1000), mtimeNs: (now % 1000) * 1_000_000 };
}

/** Starts empty. Everything that a Linux file system keeps of a file is kept, but for access and change times. */
export class MemoryBranch implements WritableBranch {
  readonly spelling?: Spelling;
  readonly #now: () => Time;
  readonly #root: Inode;

  constructor(options: MemoryBranchOptions = {}) {
    if (options.spelling !== undefined) this.spelling = options.spelling;
    this.#now = options.now ?? machineTime;
    this.#root = makeInode(
      {
        kind: "directory",
        mode: 0o755,
        uid: 0,
        gid: 0,
        ...options.root,
      },
      this.#now(),
    );
  }

  stat(path: ByteString): NodeStat | undefined {
    const inode = this.#find(path);
    if (inode === undefined) return undefined;
    const { node, attributes, nlink, size, ino } = inode;
    const device = { rdevMajor: node.rdevMajor ?? 0, rdevMinor: node.rdevMinor ?? 0 };
    return { kind: node.kind, ...attributes, size, nlink, ino, ...device };
  }

  list(path: ByteString): DirectoryEntry[] {
    const { children } = this.#get(path, "readdir");
    return [...children].map(([name, { node }]) => ({ name, kind: node.kind }));
  }

  read(path: ByteString, offset: number, length: number): Uint8Array {
    const { bytes, size } = this.#get(path, "read");
    return bytes.slice(offset, Math.min(size, offset + length));
  }

  readLink(path: ByteString): ByteString {
    return this.#get(path, "readlink").node.target ?? "";
  }

  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
    return this.#get(path, "listxattr").xattrs;
  }

  create(path: ByteString, node: NewNode): void {
    this.#enter(path, makeInode(node, this.#now()));
  }

  write(path: ByteString, offset: number, bytes: Uint8Array): void {
    const inode = this.#get(path, "write");
    reserve(inode, offset + bytes.length);
    inode.bytes.set(bytes, offset);
    inode.size = Math.max(inode.size, offset + bytes.length);
    this.#touch(inode);
  }

  truncate(path: ByteString, size: number): void {
    const inode = this.#get(path, "truncate");
    reserve(inode, size);
    inode.bytes.fill(0, size, Math.max(size, inode.size));
    inode.size = size;
    this.#touch(inode);
  }

  setAttributes(path: ByteString, attributes: Partial<NodeAttributes>): void {
    const inode = this.#get(path, "setattr");
    inode.attributes = { ...inode.attributes, ...attributes };
  }

  setXattr(path: ByteString, name: ByteString, value: Uint8Array | undefined): void {
    const { xattrs } = this.#get(path, "setxattr");
    if (value === undefined) xattrs.delete(name);
    else xattrs.set(name, Uint8Array.from(value));
  }

  link(from: ByteString, to: ByteString): void {
    this.adopt(this, from, to);
  }

  /** Gives a file of another branch a name here: a hard link between directories of one file system. */
  adopt(other: MemoryBranch, from: ByteString, to: ByteString): void {
    const inode = other.#get(from, "link");
    if (inode.node.kind === "directory") throw new UnionError("EPERM", "link", from);
    inode.nlink++;
    this.#enter(to, inode);
  }

  rename(from: ByteString, to: ByteString): void {
    const inode = this.#get(from, "rename");
    const replaced = this.#find(to);
    if (replaced === inode) return;
    if (replaced !== undefined) this.remove(to);
    this.#leave(from);
    this.#enter(to, inode);
  }

  remove(path: ByteString): void {
    const inode = this.#get(path, "remove");
    if (inode.children.size > 0) throw new UnionError("ENOTEMPTY", "remove", path);
    inode.nlink--;
    this.#leave(path);
  }

  #enter(path: ByteString, inode: Inode): void {
    const parent = this.#get(parentOf(path), "create");
    if (parent.node.kind !== "directory") throw new UnionError("ENOTDIR", "create", path);
    if (parent.children.has(nameOf(path))) throw new UnionError("EEXIST", "create", path);
    parent.children.set(nameOf(path), inode);
    this.#touch(parent);
  }

  #leave(path: ByteString): void {
    const parent = this.#get(parentOf(path), "remove");
    parent.children.delete(nameOf(path));
    this.#touch(parent);
  }

  #touch(inode: Inode): void {
    inode.attributes = { ...inode.attributes, ...this.#now() };
  }

  #get(path: ByteString, operation: string): Inode {
    const inode = this.#find(path);
    if (inode === undefined) throw new UnionError("ENOENT", operation, path);
    return inode;
  }

  #find(path: ByteString): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    if (path !== "") for (const name of path.split("/")) inode = inode?.children.get(name);
    return inode;
  }
}

function makeInode({ content, xattrs, ...node }: NewNode, now: Time): Inode {
  const { mode, uid, gid, mtime = now.mtime, mtimeNs = node.mtime === undefined ? now.mtimeNs : 0 } = node;
  const bytes = content === undefined ? nothing : Uint8Array.from(content);
  return {
    ino: ++lastInode,
    node,
    attributes: { mode, uid, gid, mtime, mtimeNs },
    nlink: 1,
    size: node.kind === "symlink" ? (node.target ?? "").length : bytes.length,
    bytes,
    xattrs: new Map(xattrs),
    children: new Map(),
  };
}

/** Makes room, twice as much as is needed, so that many small appends stay cheap. */
function reserve(inode: Inode, size: number): void {
  if (size <= inode.bytes.length) return;
  const larger = new Uint8Array(inode.size === 0 ? size : size + Math.min(size, 1 << 24));
  larger.set(inode.bytes.subarray(0, inode.size));
  inode.bytes = larger;
}
