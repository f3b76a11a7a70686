/** Layers' trees, one over the other, as one tree: what a container of the image sees. */
import type { ByteString } from "../../byte_string.ts";
import type { DirectoryNode, Extent, TreeNode } from "../../union/index.ts";
import { type CatalogExtent, type CatalogNode, impliedDirectory } from "./catalog_node.ts";

interface MutableDirectory extends Omit<DirectoryNode, "entries"> {
  readonly entries: Map<ByteString, TreeNode>;
}

/** Where a stretch of the tar of layer `source` really lies. */
export type PlaceExtent = (source: number, extent: CatalogExtent) => readonly Extent[];

const inOwnTar: PlaceExtent = (source, { at, length, offset }) => [{ at, length, source, offset }];

/**
 * Merges `layers`, bottom first; extents name layers by their place in the list, or as `place` says. Whiteouts and opaque directories hide
 * what lies below (OCI image spec, layer.md, "Applying Changesets"). A directory that an upper layer does not list
 * keeps the attributes that the lower one gave it, as umoci has it; overlayfs shows Docker's usual ones there.
 */
export function mergeCatalogs(layers: readonly CatalogNode[], place: PlaceExtent = inOwnTar): DirectoryNode {
  const root = directoryOf(impliedDirectory());
  for (const [source, layer] of layers.entries()) {
    if (layer.opaque) root.entries.clear();
    new LayerMerge((extent) => place(source, extent)).into(root, layer);
  }
  return root;
}

class LayerMerge {
  readonly #place: (extent: CatalogExtent) => readonly Extent[];
  /** Nodes that have several names in this layer. */
  readonly #linked = new Map<CatalogNode, TreeNode>();

  constructor(place: (extent: CatalogExtent) => readonly Extent[]) {
    this.#place = place;
  }

  into(merged: MutableDirectory, layer: CatalogNode): void {
    // A list that grows, and no recursion: a hostile tar can nest deeper than the stack.
    const pairs: [to: MutableDirectory, from: CatalogNode][] = [[merged, layer]];
    for (const [to, from] of pairs) {
      for (const [name, node] of from.entries ?? []) {
        if (node.kind === "whiteout") to.entries.delete(name);
        else if (node.kind === "directory") pairs.push([this.#directory(to, name, node), node]);
        else to.entries.set(name, this.#nodeOf(node));
      }
    }
  }

  #directory(merged: MutableDirectory, name: ByteString, node: CatalogNode): MutableDirectory {
    const below = merged.entries.get(name);
    const isMerged = below?.kind === "directory" && !node.opaque;
    let directory: MutableDirectory;
    if (!isMerged) directory = directoryOf(node);
    else if (node.implied) directory = below as MutableDirectory;
    else directory = { ...directoryOf(node), entries: (below as MutableDirectory).entries };
    merged.entries.set(name, directory);
    return directory;
  }

  #nodeOf(node: CatalogNode): TreeNode {
    if (node.nlink === 1) return this.#newNode(node);
    const known = this.#linked.get(node) ?? this.#newNode(node);
    this.#linked.set(node, known);
    return known;
  }

  #newNode(node: CatalogNode): TreeNode {
    const common = attributesOf(node);
    switch (node.kind) {
      case "file":
        return { ...common, kind: "file", size: node.size, extents: node.extents.flatMap(this.#place) };
      case "symlink":
        return { ...common, kind: "symlink", target: node.target };
      case "directory":
      case "whiteout":
        return directoryOf(node);
      case "char":
      case "block":
      case "fifo":
      case "socket":
        return { ...common, kind: node.kind, rdevMajor: node.rdevMajor, rdevMinor: node.rdevMinor };
    }
  }
}

function directoryOf(node: CatalogNode): MutableDirectory {
  return { ...attributesOf(node), kind: "directory", entries: new Map() };
}

function attributesOf({ mode, uid, gid, mtime, mtimeNs, xattrs }: CatalogNode) {
  return { mode, uid, gid, mtime, mtimeNs, ...(xattrs !== undefined && xattrs.size > 0 && { xattrs }) };
}
