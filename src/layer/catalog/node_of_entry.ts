/** What a tar entry that is no link makes. */
import type { ByteString } from "../../byte_string.ts";
import type { TarEntry } from "../../tar/index.ts";
import { isReserved } from "../attributes.ts";
import { impossibleDevice, impossibleTarget, isTarget, whiteoutDevice } from "../refusals.ts";
import { type CatalogNode, newNode } from "./catalog_node.ts";

type Kind = CatalogNode["kind"];

/**
 * @param position place in the tar of what follows the entry's header
 * @throws Failure("invalid") for what no layer may hold; the owner is not looked at
 */
export function nodeOf(path: ByteString, entry: TarEntry, position: number): CatalogNode {
  const node = newNode(entry.type === "hardlink" ? "file" : entry.type);
  node.mode = entry.type === "symlink" ? 0o777 : entry.mode;
  node.uid = entry.uid;
  node.gid = entry.gid;
  node.mtime = entry.mtime;
  node.mtimeNs = entry.mtimeNs;
  node.xattrs = entry.xattrs && keptXattrs(entry.xattrs, node.kind);
  switch (entry.type) {
    case "file":
      node.size = entry.size;
      node.extents = extentsOf(entry, position);
      break;
    case "symlink":
      if (!isTarget(entry.linkPath)) throw impossibleTarget(path, entry.linkPath);
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

/**
 * Those that a file of this kind would have on a disk: without what a layer may not bring, without namespaces that Linux
 * does not know, without those that it has for files and directories only (xattr(7)).
 */
export function keptXattrs(
  xattrs: ReadonlyMap<ByteString, Uint8Array>,
  kind: Kind,
): Map<ByteString, Uint8Array> {
  const namespaces = namespacesOf(kind);
  return new Map([...xattrs].filter(([name]) => !isReserved(name) && namespaces.test(name)));
}

function namespacesOf(kind: Kind): RegExp {
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
