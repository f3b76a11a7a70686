/** One layer whose tar is kept, as a branch of a union: whiteouts and all. */
import type { ByteString } from "../../byte_string.ts";
import type { CatalogNode } from "../../layer/index.ts";
import type { Branch, DirectoryEntry, NodeKind, NodeStat } from "../../union/index.ts";

const whiteout = ".wh.";
const opaque = ".wh..wh..opq";

/** Whiteouts are spelled as names, which no catalog has of its own. */
export class CatalogBranch implements Branch {
  readonly spelling = "files";
  readonly root: CatalogNode;
  readonly #read: Branch["read"];
  readonly #numbers = new Map<CatalogNode, number>();

  /** @param read gives the content of a file of this layer */
  constructor(root: CatalogNode, read: Branch["read"]) {
    this.root = root;
    this.#read = read;
  }

  stat(path: ByteString): NodeStat | undefined {
    const node = this.#find(path);
    if (node === undefined) return undefined;
    const { mode, uid, gid, mtime, mtimeNs, nlink, rdevMajor, rdevMinor } = node;
    const kind = kindOf(node);
    const size = kind === "file" ? node.size : kind === "symlink" ? node.target.length : 0;
    const ino = this.#numberOf(node);
    return { kind, mode, uid, gid, mtime, mtimeNs, size, nlink, ino, rdevMajor, rdevMinor };
  }

  list(path: ByteString): DirectoryEntry[] {
    const node = this.#find(path);
    const entries = [...(node?.entries ?? [])].map(([name, child]) => ({
      name: child.kind === "whiteout" ? whiteout + name : name,
      kind: kindOf(child),
    }));
    return node?.opaque === true ? [...entries, { name: opaque, kind: "file" }] : entries;
  }

  read(path: ByteString, offset: number, length: number): Uint8Array {
    return this.#read(path, offset, length);
  }

  readLink(path: ByteString): ByteString {
    return this.#find(path)?.target ?? "";
  }

  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
    return this.#find(path)?.xattrs ?? new Map();
  }

  #find(path: ByteString): CatalogNode | undefined {
    let node: CatalogNode | undefined = this.root;
    if (path === "") return node;
    for (const name of path.split("/")) {
      if (name === opaque) node = node?.opaque === true ? mark : undefined;
      else if (name.startsWith(whiteout)) node = marked(node?.entries?.get(name.slice(whiteout.length)));
      else node = unmarked(node?.entries?.get(name));
    }
    return node;
  }

  #numberOf(node: CatalogNode): number {
    // Only names of one file are ever compared.
    if (node.nlink < 2) return 0;
    const number = this.#numbers.get(node) ?? this.#numbers.size + 1;
    this.#numbers.set(node, number);
    return number;
  }
}

const mark: CatalogNode = {
  kind: "whiteout",
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
  entries: undefined,
  opaque: false,
  implied: false,
  nlink: 1,
};

function marked(node: CatalogNode | undefined): CatalogNode | undefined {
  return node?.kind === "whiteout" ? node : undefined;
}

function unmarked(node: CatalogNode | undefined): CatalogNode | undefined {
  return node?.kind === "whiteout" ? undefined : node;
}

function kindOf({ kind }: CatalogNode): NodeKind {
  return kind === "whiteout" ? "file" : kind;
}
