/** A source tree out of a list, for tests. */
import type { ByteString } from "../../byte_string.ts";
import { fromBytes } from "../../bytes/index.ts";
import type { SourceKind, SourceStat, SourceTree } from "../source/types.ts";

/** A file has `content`, a symlink `target`, a hard link `link`; others say their `kind`. */
export interface TreeEntry {
  readonly path: ByteString;
  readonly kind?: SourceKind;
  readonly content?: string;
  readonly target?: ByteString;
  readonly link?: ByteString;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly devMajor?: number;
  readonly devMinor?: number;
  readonly implied?: boolean;
  /** Hex. */
  readonly capability?: string;
}

export function memoryTree(entries: readonly TreeEntry[], options: { readonly owners: boolean }): SourceTree {
  const nodes = new Map(entries.map((entry) => [entry.path, entry]));
  const node = (path: ByteString): TreeEntry | undefined => {
    const entry = nodes.get(path);
    return entry?.link === undefined ? entry : nodes.get(entry.link);
  };
  const linked = new Set(entries.flatMap(({ link }) => link ?? []));
  const stat = (path: ByteString): SourceStat | undefined => {
    const entry = path === "" ? { path, kind: "directory" as const, mode: 0o755 } : node(path);
    if (entry === undefined) return undefined;
    const kind = entry.kind ?? (entry.target === undefined ? "file" : "symlink");
    return {
      kind,
      mode: entry.mode ?? (kind === "symlink" ? 0o777 : 0o644),
      uid: options.owners ? (entry.uid ?? 0) : 0,
      gid: options.owners ? (entry.gid ?? 0) : 0,
      size: Buffer.byteLength(entry.content ?? ""),
      mtime: 0,
      mtimeNs: 0,
      devMajor: entry.devMajor ?? 0,
      devMinor: entry.devMinor ?? 0,
      ...(entry.implied === true && { implied: true }),
      ...(linked.has(entry.path) && { inode: entry.path }),
    };
  };
  const read = (path: ByteString): Uint8Array => Buffer.from(node(path)?.content ?? "");
  return {
    name: "context",
    stat,
    read,
    resolve: () => undefined,
    readdir: (path) =>
      entries
        .filter((each) => each.path.replace(/\/?[^/]*$/, "") === path)
        .map((each) => each.path.slice(path === "" ? 0 : path.length + 1))
        .sort(),
    readLink: (path) => node(path)?.target ?? "",
    xattrs: (path) => {
      const capability = node(path)?.capability;
      return new Map(
        capability === undefined ? [] : [["security.capability", Buffer.from(capability, "hex")]],
      );
    },
    open: (path) => fromBytes(read(path)),
    contentDigest: () => Promise.resolve(""),
    [Symbol.dispose]: () => undefined,
  };
}
