/** Finding directories in a layer's tree, as the kernel would inside the layer's root. */
import type { ByteString } from "../../byte_string.ts";
import { childOf, nameOf, parentOf } from "../layer_path.ts";
import { danglingParent, notADirectory } from "../refusals.ts";
import { type CatalogNode, impliedDirectory } from "./catalog_node.ts";

/** As many as the kernel follows in one path (path_resolution(7)). */
const maximumSymlinks = 40;

/** Paths that were looked up stay known until something is taken away or replaced. */
export class CatalogPaths {
  readonly root: CatalogNode;
  readonly #known = new Map<ByteString, CatalogNode>();
  #lastPath: ByteString | undefined;
  #last: CatalogNode | undefined;

  constructor(root: CatalogNode) {
    this.root = root;
  }

  forget(): void {
    this.#known.clear();
    this.#lastPath = undefined;
  }

  /**
   * The directory at `path`, made with its parents if it is missing. Symlinks on the way are followed inside the root.
   * @throws Failure("invalid") where a part is a file, or a symlink to nothing (behaviours B013, B014)
   */
  obtain(path: ByteString): CatalogNode {
    const found = this.find(path);
    if (found !== undefined) return found;
    // From the top: each part is then found where the last one was.
    let at = this.root;
    for (let end = path.indexOf("/"); ; end = path.indexOf("/", end + 1)) {
      const part = end < 0 ? path : path.slice(0, end);
      at = this.find(part) ?? this.#make(at, part);
      if (end < 0) return at;
    }
  }

  /** The directory at `path`, or undefined where it is missing. @throws Failure("invalid") where a part is a file */
  find(path: ByteString): CatalogNode | undefined {
    if (path === "") return this.root;
    if (path === this.#lastPath) return this.#last;
    const known = this.#known.get(path) ?? this.#look(path);
    if (known === undefined) return undefined;
    this.#known.set(path, known);
    this.#lastPath = path;
    return (this.#last = known);
  }

  #make(parent: CatalogNode, path: ByteString): CatalogNode {
    const name = nameOf(path);
    // It exists and yet leads nowhere: a symlink to something that is not in this layer.
    if (parent.entries?.has(name) === true) throw danglingParent(path);
    const made = makeImplied(parent, name);
    this.#known.set(path, made);
    return made;
  }

  /** Quick where the directory above is known and no symlink or file is in the way. */
  #look(path: ByteString): CatalogNode | undefined {
    const parent = this.#known.get(parentOf(path));
    const node = parent?.entries?.get(nameOf(path));
    if (parent !== undefined && node === undefined) return undefined;
    return node?.kind === "directory" ? node : this.#walk(path);
  }

  /** Undefined where a part is missing. */
  #walk(path: ByteString): CatalogNode | undefined {
    const parts = path.split("/").reverse();
    const above: CatalogNode[] = [];
    let at = this.root;
    let links = 0;
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      if (part === "" || part === ".") continue;
      if (part === "..") {
        at = above.pop() ?? this.root;
        continue;
      }
      const node = at.entries?.get(part);
      if (node === undefined) return undefined;
      if (node.kind === "symlink") {
        if (++links > maximumSymlinks) throw notADirectory(path);
        if (node.target.startsWith("/")) [at, above.length] = [this.root, 0];
        parts.push(...node.target.split("/").reverse());
        continue;
      }
      const directory = node.kind === "whiteout" ? makeRoom(at, part) : node;
      if (directory.entries === undefined) throw notADirectory(this.#obstacle(path) ?? path);
      above.push(at);
      at = directory;
    }
    return at;
  }

  /** The first part of `path` that is neither a directory nor a symlink. */
  #obstacle(path: ByteString): ByteString | undefined {
    let at = "";
    for (const part of path.split("/")) {
      const kind = this.#quietly(at)?.entries?.get(part)?.kind;
      at = childOf(at, part);
      if (kind !== "directory" && kind !== "symlink") return at;
    }
    return undefined;
  }

  #quietly(path: ByteString): CatalogNode | undefined {
    try {
      return this.find(path);
    } catch {
      return undefined;
    }
  }
}

/** A whiteout in the way of a path: the tar hides a name and then fills it anew. */
function makeRoom(parent: CatalogNode, name: ByteString): CatalogNode {
  const made = makeImplied(parent, name);
  made.opaque = true;
  return made;
}

/** Directories pass their set-group-id bit on (inode(7)). */
function makeImplied(parent: CatalogNode, name: ByteString): CatalogNode {
  const made = impliedDirectory();
  made.mode |= parent.mode & 0o2000;
  parent.entries?.set(name, made);
  return made;
}
