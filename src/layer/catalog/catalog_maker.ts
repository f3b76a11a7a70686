/** Makes a layer's tree in memory of the entries of its tar: what {@link LayerApplier} makes on a disk. */
import type { ByteString } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import type { TarEntry } from "../../tar/index.ts";
import { isOwner } from "../attributes.ts";
import type { LayerMaker } from "../entry_rules.ts";
import { layerPath, nameOf, parentOf } from "../layer_path.ts";
import {
  bothDirectoryAndFile,
  hidesItself,
  impossibleOwner,
  missingTarget,
  notLinkable,
} from "../refusals.ts";
import { linkSources } from "../whiteout_writer.ts";
import { type CatalogNode, impliedDirectory, newNode } from "./catalog_node.ts";
import { CatalogPaths } from "./catalog_paths.ts";
import { keptXattrs, nodeOf } from "./node_of_entry.ts";

/** Bytes of paths, targets, attributes and sparse maps: they are in memory until the layer is whole. */
const maximumKept = 512 << 20;

export class CatalogMaker implements LayerMaker {
  readonly root: CatalogNode = impliedDirectory();
  /** Layer size so far, bytes (behaviours B135). */
  size = 0;
  #kept = 0;
  readonly #paths = new CatalogPaths(this.root);
  /** Place in the tar of what follows the current entry's header. */
  readonly #position: () => number;

  constructor(position: () => number) {
    this.#position = position;
  }

  create(path: ByteString, entry: TarEntry): void {
    this.#keep(entry);
    const parent = this.#paths.obtain(parentOf(path));
    const name = nameOf(path);
    if (entry.type === "hardlink") return this.#link(parent, name, path, entry);
    const node = nodeOf(path, entry, this.#position());
    const old = parent.entries?.get(name);
    if (old?.kind === "directory" && node.kind !== "directory") throw bothDirectoryAndFile(path);
    checkOwner(entry);
    if (old === undefined) return this.#put(parent, name, node);
    if (old.kind === "directory") return setAttributes(old, node);
    // What was hidden stays so, whatever comes in its place, even if that is replaced in turn (under another spelling).
    node.opaque = old.opaque;
    if (old.kind !== "whiteout") this.#takeAway(old);
    this.#paths.forget();
    this.#put(parent, name, node);
  }

  whiteout(path: ByteString, entry: TarEntry): void {
    this.#keep(entry);
    const parent = this.#paths.obtain(parentOf(path));
    const name = nameOf(path);
    // It would hide nothing.
    if (this.#isInsideOpaque(path)) return;
    if (parent.entries?.has(name) === true) throw hidesItself(path);
    checkOwner(entry);
    const hidden = newNode("whiteout");
    hidden.opaque = true;
    parent.entries?.set(name, hidden);
  }

  opaque(path: ByteString): void {
    this.#paths.obtain(path).opaque = true;
  }

  /** Takes AUFS' link sources away, which no layer shows; names that were linked to them stay. */
  removeLinkSources(): void {
    const { entries } = this.root;
    for (const node of entries?.get(linkSources)?.entries?.values() ?? []) this.#takeAway(node);
    entries?.delete(linkSources);
  }

  /** @throws Failure("limit") before the layer takes more memory than it may */
  #keep({ path, linkPath, xattrs, sparse = [] }: TarEntry): void {
    this.#kept += path.length + linkPath.length + sparse.length * 64;
    for (const [name, value] of xattrs ?? []) this.#kept += name.length + value.length;
    if (this.#kept > maximumKept)
      throw new Failure("limit", `names and attributes in the layer are over ${maximumKept} bytes`);
  }

  /** Of a path whose parents are there. */
  #isInsideOpaque(path: ByteString): boolean {
    for (let at = path; at !== "";) {
      at = parentOf(at);
      if (this.#paths.find(at)?.opaque === true) return true;
    }
    return false;
  }

  #put(parent: CatalogNode, name: ByteString, node: CatalogNode): void {
    parent.entries?.set(name, node);
    this.size += sizeOf(node);
  }

  /** One name less; with the last one its bytes go. */
  #takeAway(node: CatalogNode): void {
    if (--node.nlink === 0) this.size -= sizeOf(node);
  }

  /** A hard link to what `entry.linkPath` names inside the layer; a symlink is itself linked. */
  #link(parent: CatalogNode, name: ByteString, path: ByteString, entry: TarEntry): void {
    const target = layerPath(entry.linkPath);
    let node = this.#find(target);
    if (node === undefined) throw missingTarget(path, target);
    const old = parent.entries?.get(name);
    if (old?.kind === "directory") throw bothDirectoryAndFile(path);
    if (old !== undefined) {
      // It is taken away before the link is made, and may have been what the link leads to, or the way there.
      parent.entries?.delete(name);
      this.#paths.forget();
      if (old.kind !== "whiteout") this.#takeAway(old);
      node = this.#find(target);
    }
    if (node === undefined || node.kind === "whiteout") throw missingTarget(path, target);
    if (node.kind === "directory") throw notLinkable(path, target);
    checkOwner(entry);
    parent.entries?.set(name, node);
    node.nlink++;
    matchLink(node, entry);
  }

  #find(path: ByteString): CatalogNode | undefined {
    return path === "" ? undefined : this.#paths.find(parentOf(path))?.entries?.get(nameOf(path));
  }
}

function checkOwner({ uid, gid }: TarEntry): void {
  if (!isOwner(uid, gid)) throw impossibleOwner(uid, gid);
}

/** A directory listed again: its attributes are the last ones. */
function setAttributes(node: CatalogNode, from: CatalogNode): void {
  const { mode, uid, gid, mtime, mtimeNs, xattrs } = from;
  Object.assign(node, { mode, uid, gid, mtime, mtimeNs, xattrs, implied: false });
}

/** Docker applies a link's own header to the file that both names share, so the last header counts. */
function matchLink(node: CatalogNode, entry: TarEntry): void {
  const isChowned = node.uid !== entry.uid || node.gid !== entry.gid;
  node.uid = entry.uid;
  node.gid = entry.gid;
  if (isChowned) {
    // chown(2) takes capabilities away; the header may bring them back.
    node.xattrs?.delete("security.capability");
    for (const [name, value] of entry.xattrs === undefined ? [] : keptXattrs(entry.xattrs, node.kind))
      (node.xattrs ??= new Map()).set(name, value);
  }
  if (node.kind === "symlink") return;
  node.mode = entry.mode;
  node.mtime = entry.mtime;
  node.mtimeNs = entry.mtimeNs;
}

function sizeOf(node: CatalogNode): number {
  return node.kind === "symlink" ? node.target.length : node.size;
}
