/** Makes a layer's tree in memory of the entries of its tar: what {@link LayerApplier} makes on a disk. */
import type { ByteString } from "../../byte_string.ts";
import type { TarEntry } from "../../tar/index.ts";
import { isOwner, isReserved } from "../attributes.ts";
import type { LayerMaker } from "../entry_rules.ts";
import { layerPath, nameOf, parentOf } from "../layer_path.ts";
import {
  bothDirectoryAndFile,
  hidesItself,
  impossibleDevice,
  impossibleOwner,
  missingTarget,
  notLinkable,
  whiteoutDevice,
} from "../refusals.ts";
import { linkSources } from "../whiteout_writer.ts";
import { type CatalogNode, impliedDirectory, newNode } from "./catalog_node.ts";
import { CatalogPaths } from "./catalog_paths.ts";

export class CatalogMaker implements LayerMaker {
  readonly root: CatalogNode = impliedDirectory();
  /** Layer size so far, bytes (behaviours B135). */
  size = 0;
  readonly #paths = new CatalogPaths(this.root);
  /** Place in the tar of what follows the current entry's header. */
  readonly #position: () => number;

  constructor(position: () => number) {
    this.#position = position;
  }

  create(path: ByteString, entry: TarEntry): void {
    const parent = this.#paths.obtain(parentOf(path));
    const name = nameOf(path);
    if (entry.type === "hardlink") return this.#link(parent, name, path, entry);
    const node = this.#nodeOf(path, entry);
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

  /** Of a path whose parents are there. */
  #isInsideOpaque(path: ByteString): boolean {
    for (let at = path; at !== "";) {
      at = parentOf(at);
      if (this.#paths.find(at)?.opaque === true) return true;
    }
    return false;
  }

  #nodeOf(path: ByteString, entry: TarEntry): CatalogNode {
    const node = newNode(entry.type === "hardlink" ? "file" : entry.type);
    node.mode = entry.type === "symlink" ? 0o777 : entry.mode;
    node.uid = entry.uid;
    node.gid = entry.gid;
    node.mtime = entry.mtime;
    node.mtimeNs = entry.mtimeNs;
    node.xattrs = entry.xattrs && keptXattrs(entry.xattrs, entry.type);
    switch (entry.type) {
      case "file":
        node.size = entry.size;
        node.extents = extentsOf(entry, this.#position());
        break;
      case "symlink":
        node.target = entry.linkPath;
        break;
      case "char":
      case "block":
        [node.rdevMajor, node.rdevMinor] = deviceOf(path, entry);
        break;
      case "directory":
      case "fifo":
      case "hardlink":
    }
    return node;
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
    const from = this.#paths.find(parentOf(target));
    const node = target === "" ? undefined : from?.entries?.get(nameOf(target));
    if (node === undefined) throw missingTarget(path, target);
    const old = parent.entries?.get(name);
    if (old?.kind === "directory") throw bothDirectoryAndFile(path);
    // What has the name is taken away before the link is made: one to itself leads to nothing.
    const isItself = from === parent && nameOf(target) === name;
    if (isItself || node.kind === "whiteout") throw missingTarget(path, target);
    if (node.kind === "directory") throw notLinkable(path, target);
    checkOwner(entry);
    if (old === node) return matchLink(node, entry);
    if (old !== undefined && old.kind !== "whiteout") this.#takeAway(old);
    if (old !== undefined) this.#paths.forget();
    parent.entries?.set(name, node);
    node.nlink++;
    matchLink(node, entry);
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

/**
 * Those that a file of this kind would have on a disk: without what a layer may not bring, without namespaces that Linux
 * does not know, without those that it has for files and directories only (xattr(7)).
 */
function keptXattrs(
  xattrs: ReadonlyMap<ByteString, Uint8Array>,
  kind: TarEntry["type"] | CatalogNode["kind"],
): Map<ByteString, Uint8Array> {
  const namespaces = namespacesOf(kind);
  return new Map([...xattrs].filter(([name]) => !isReserved(name) && namespaces.test(name)));
}

function namespacesOf(kind: TarEntry["type"] | CatalogNode["kind"]): RegExp {
  if (kind === "file" || kind === "directory")
    return /^(?:user|trusted|security)\.|^system\.posix_acl_(?:access|default)$/;
  return kind === "symlink"
    ? /^(?:trusted|security)\./
    : /^(?:trusted|security)\.|^system\.posix_acl_(?:access|default)$/;
}

function extentsOf({ size, sparse }: TarEntry, position: number): CatalogNode["extents"] {
  if (sparse === undefined) return size === 0 ? [] : [{ at: 0, length: size, offset: position }];
  const extents: CatalogNode["extents"] = [];
  let offset = position;
  for (const { offset: at, length } of sparse) {
    if (length > 0) extents.push({ at, length, offset });
    offset += length;
  }
  return extents;
}

function deviceOf(path: ByteString, { type, devMajor, devMinor }: TarEntry): [number, number] {
  if (type === "char" && devMajor === 0 && devMinor === 0) throw whiteoutDevice(path);
  if (devMajor < 0 || devMajor > 0xfff || devMinor < 0 || devMinor > 0xf_ffff)
    throw impossibleDevice(path, devMajor, devMinor);
  return [devMajor, devMinor];
}
