/** The numbers by which the kernel knows the files of a tree: node numbers, which are inode numbers, too. */
import type { ByteString } from "../byte_string.ts";
import type { DirectoryNode, TreeNode } from "../union/index.ts";
import { rootId } from "./protocol.ts";

/**
 * Numbers every file in the order of a walk by sorted names, so that one tree has the same numbers at every mount.
 * Nothing is ever forgotten: the whole tree is in memory anyway, and a number stays valid as long as the mount.
 */
export class NodeTable {
  /** Bytes of content in all files, holes included. */
  readonly contentSize: number;
  readonly #nodes: TreeNode[] = [];
  readonly #ids = new Map<TreeNode, number>();
  /** Names that a file has; for a directory what Linux counts, itself and its subdirectories. */
  readonly #links: number[] = [];
  readonly #parents: number[] = [];
  readonly #names: (readonly ByteString[] | undefined)[] = [];

  constructor(root: DirectoryNode) {
    this.#number(root, rootId);
    // Parents come before their children: the table itself is the list of what is still to be walked. A tree may be
    // too deep for recursion.
    for (let id = rootId; id < rootId + this.#nodes.length; id++) {
      const node = this.node(id) as TreeNode;
      if (node.kind === "directory") this.#walk(node, id);
    }
    let size = 0;
    for (const node of this.#nodes) if (node.kind === "file") size += node.size;
    this.contentSize = size;
  }

  #number(node: TreeNode, parent: number): void {
    this.#ids.set(node, this.#nodes.length + rootId);
    this.#nodes.push(node);
    this.#parents.push(parent);
    this.#links.push(node.kind === "directory" ? 2 : 1);
  }

  #walk(directory: DirectoryNode, id: number): void {
    const names = [...directory.entries.keys()].sort();
    this.#names[id - rootId] = names;
    for (const name of names) {
      const child = directory.entries.get(name) as TreeNode;
      const known = this.#ids.get(child);
      if (known !== undefined) this.#links[known - rootId] = this.links(known) + 1;
      else this.#number(child, id);
      if (child.kind === "directory") this.#links[id - rootId] = this.links(id) + 1;
    }
  }

  /** How many files there are, each counted once. */
  get count(): number {
    return this.#nodes.length;
  }

  get nodes(): readonly TreeNode[] {
    return this.#nodes;
  }

  node(id: number): TreeNode | undefined {
    return this.#nodes[id - rootId];
  }

  idOf(node: TreeNode): number {
    return this.#ids.get(node) as number;
  }

  links(id: number): number {
    return this.#links[id - rootId] as number;
  }

  /** The directory in which a directory is; the root is in itself. */
  parent(id: number): number {
    return this.#parents[id - rootId] as number;
  }

  /** Sorted names in a directory. */
  names(id: number): readonly ByteString[] {
    return this.#names[id - rootId] as readonly ByteString[];
  }
}
