/** Several layers' changes as one layer's: like a merge of whole trees, but what hides something below goes on hiding it. */
import type { ByteString } from "../byte_string.ts";
import { opaqueName, whiteoutPrefix, type CatalogNode } from "../layer/index.ts";
import type { DirectoryNode, FileNode, ReadView, TreeNode } from "../union/index.ts";

interface MutableDirectory extends Omit<DirectoryNode, "entries"> {
  readonly entries: Map<ByteString, TreeNode>;
}

const mark: FileNode = {
  kind: "file",
  size: 0,
  extents: [],
  mode: 0o600,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtimeNs: 0,
};

/**
 * The tree of the merged layer's tar, in which whiteouts are files as tars spell them (OCI image spec, layer.md).
 * Extents name `layers` by their place. What is hidden by an upper one of them is not in it, nor is a whiteout that
 * would hide nothing of `below`.
 *
 * @param layers bottom first @param below what the merged layer will lie on; undefined: nothing
 */
export function mergeChanges(layers: readonly CatalogNode[], below: ReadView | undefined): DirectoryNode {
  const merge = new ChangeMerge();
  for (const [source, layer] of layers.entries()) merge.add(layer, source);
  dropIdleMarks(merge.root, merge.implied, below);
  return merge.root;
}

class ChangeMerge {
  readonly root: MutableDirectory = { ...rootAttributes, kind: "directory", entries: new Map() };
  /** Directories that none of the layers lists, and none makes anew: what lies below says what they are. */
  readonly implied = new Set<TreeNode>([this.root]);

  add(layer: CatalogNode, source: number): void {
    if (layer.opaque) hideBelow(this.root);
    const linked = new Map<CatalogNode, TreeNode>();
    // A list that grows, and no recursion: a hostile tar can nest deeper than the stack.
    const pairs: [to: MutableDirectory, from: CatalogNode][] = [[this.root, layer]];
    for (const [to, from] of pairs) {
      for (const [name, node] of from.entries ?? []) {
        if (node.kind === "directory") pairs.push([this.#directory(to, name, node), node]);
        else if (node.kind === "whiteout") {
          to.entries.delete(name);
          to.entries.set(whiteoutPrefix + name, mark);
        } else {
          to.entries.delete(whiteoutPrefix + name);
          const known = linked.get(node) ?? newNode(node, source);
          linked.set(node, known);
          to.entries.set(name, known);
        }
      }
    }
  }

  #directory(parent: MutableDirectory, name: ByteString, node: CatalogNode): MutableDirectory {
    const before = parent.entries.get(name);
    const wasGone = parent.entries.delete(whiteoutPrefix + name);
    if (before?.kind === "directory" && !node.opaque) {
      if (node.implied) return before as MutableDirectory;
      const entries = (before as MutableDirectory).entries;
      return this.#put(parent, name, { ...attributesOf(node), kind: "directory", entries });
    }
    const directory: MutableDirectory = { ...attributesOf(node), kind: "directory", entries: new Map() };
    if (node.opaque || wasGone || before !== undefined) hideBelow(directory);
    else if (node.implied) this.implied.add(directory);
    return this.#put(parent, name, directory);
  }

  #put(parent: MutableDirectory, name: ByteString, directory: MutableDirectory): MutableDirectory {
    parent.entries.set(name, directory);
    return directory;
  }
}

const rootAttributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

function hideBelow({ entries }: MutableDirectory): void {
  entries.clear();
  entries.set(opaqueName, mark);
}

function attributesOf({ mode, uid, gid, mtime, mtimeNs, xattrs }: CatalogNode) {
  return { mode, uid, gid, mtime, mtimeNs, ...(xattrs !== undefined && xattrs.size > 0 && { xattrs }) };
}

function newNode(node: CatalogNode, source: number): TreeNode {
  const common = attributesOf(node);
  switch (node.kind) {
    case "file":
      return {
        ...common,
        kind: "file",
        size: node.size,
        extents: node.extents.map((extent) => ({ ...extent, source })),
      };
    case "symlink":
      return { ...common, kind: "symlink", target: node.target };
    case "directory":
    case "whiteout":
      return mark;
    case "char":
    case "block":
    case "fifo":
    case "socket":
      return { ...common, kind: node.kind, rdevMajor: node.rdevMajor, rdevMinor: node.rdevMinor };
  }
}

/**
 * Takes out the marks that hide nothing, and gives directories that no layer lists the attributes that they have below.
 * All parts of a path that is looked up are directories below, so that no symlink is followed.
 */
function dropIdleMarks(
  root: MutableDirectory,
  implied: ReadonlySet<TreeNode>,
  below: ReadView | undefined,
): void {
  const walk: [directory: MutableDirectory, path: ByteString, below: ReadView | undefined][] = [
    [root, "", below],
  ];
  for (const [{ entries }, path, under] of walk) {
    const isOpaque = entries.has(opaqueName);
    const names = under === undefined ? [] : under.readdir(path);
    if (isOpaque && names.length === 0) entries.delete(opaqueName);
    const visible = new Map(isOpaque ? [] : names.map(({ name, kind }) => [name, kind]));
    for (const [name, node] of entries) {
      if (name === opaqueName) continue;
      if (name.startsWith(whiteoutPrefix)) {
        if (!visible.has(name.slice(whiteoutPrefix.length))) entries.delete(name);
        continue;
      }
      if (node.kind !== "directory") continue;
      const at = path === "" ? name : `${path}/${name}`;
      const isMerged = visible.get(name) === "directory";
      if (!isMerged) walk.push([node as MutableDirectory, at, undefined]);
      else
        walk.push([
          taking(entries, name, node as MutableDirectory, implied, under as ReadView, at),
          at,
          under,
        ]);
    }
  }
}

function taking(
  entries: Map<ByteString, TreeNode>,
  name: ByteString,
  node: MutableDirectory,
  implied: ReadonlySet<TreeNode>,
  below: ReadView,
  path: ByteString,
): MutableDirectory {
  if (!implied.has(node)) return node;
  const { mode, uid, gid, mtime, mtimeNs } = below.stat(path);
  const xattrs = below.xattrs(path);
  const taken: MutableDirectory = {
    kind: "directory",
    mode,
    uid,
    gid,
    mtime,
    mtimeNs,
    ...(xattrs.size > 0 && { xattrs }),
    entries: node.entries,
  };
  entries.set(name, taken);
  return taken;
}
