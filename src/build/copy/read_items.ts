/** From paths in a tree to what is copied of them. */
import type { ByteString } from "../../byte_string.ts";
import type { ByteSource } from "../../bytes/index.ts";
import type { IgnoreMatcher } from "../../dockerfile/index.ts";
import type { SourceStat, SourceTree } from "../source/types.ts";
import type { ModeChange } from "./change_mode.ts";
import type { CopyItem } from "./copy_source.ts";
import { joinPath } from "./join_path.ts";
import { keptAttributes } from "./kept_attributes.ts";

export interface ReadItemsOptions {
  readonly tree: SourceTree;
  /** `--exclude`; undefined: nothing is. */
  readonly excluded?: IgnoreMatcher;
  /** `--chmod`; undefined: modes stay. */
  readonly change?: ModeChange;
  /** Directories that Docker's command does not send, its old builder makes anew. */
  readonly classic?: boolean;
}

/** What is at `path`, without what it holds; undefined for a socket, which no tar can hold (Docker passes it over). */
export function readItem(
  { tree, change, classic = false }: ReadItemsOptions,
  path: ByteString,
  name: ByteString,
  stat: SourceStat,
): CopyItem | undefined {
  const { kind, uid, gid, mtime, mtimeNs } = stat;
  const isDirectory = kind === "directory";
  const mode = change === undefined || kind === "symlink" ? stat.mode : change.apply(stat.mode, isDirectory);
  if (classic && stat.implied === true) return { kind: "directory", name, mode: 0o755, uid: 0, gid: 0 };
  const xattrs = keptAttributes(tree.xattrs(path));
  const common = { name, mode, uid, gid, mtime, mtimeNs, ...(xattrs && { xattrs }) };
  switch (kind) {
    case "directory":
    case "fifo":
      return { ...common, kind };
    case "symlink":
      return { ...common, kind, target: tree.readLink(path) };
    case "char":
    case "block":
      return { ...common, kind, devMajor: stat.devMajor, devMinor: stat.devMinor };
    case "socket":
      return undefined;
    case "file": {
      const digest = (signal: AbortSignal): Promise<string> => tree.contentDigest(path, signal);
      const content = { size: stat.size, digest, open: (signal: AbortSignal) => lazily(tree, path, signal) };
      return { ...common, kind, content, ...(stat.inode !== undefined && { inode: stat.inode }) };
    }
  }
}

/**
 * What the directory at `path` holds, each directory before what it holds, names by their bytes.
 * @param name of the directory below the destination
 */
export function* readDirectory(
  options: ReadItemsOptions,
  path: ByteString,
  name: ByteString,
): Generator<CopyItem, void, undefined> {
  const { tree, excluded } = options;
  for (const child of tree.readdir(path)) {
    const [at, below] = [joinPath(path, child), joinPath(name, child)];
    const stat = tree.stat(at);
    if (stat === undefined) continue;
    const isDirectory = stat.kind === "directory";
    const isExcluded = excluded?.isIgnored(below) === true;
    if (isExcluded && !(isDirectory && excluded.mayHoldIncluded(below))) continue;
    const item = readItem(options, at, below, stat);
    if (item === undefined) continue;
    if (!isDirectory) {
      yield item;
      continue;
    }
    if (!isExcluded) yield item;
    let isMissing = isExcluded;
    for (const inner of readDirectory(options, at, below)) {
      // An exception below brings back the directories that lead to it, and no others.
      if (isMissing) yield item;
      isMissing = false;
      yield inner;
    }
  }
}

/** Opens the file when its first byte is asked for: thousands of them are listed before. */
function lazily(tree: SourceTree, path: ByteString, signal: AbortSignal): ByteSource {
  return { [Symbol.asyncIterator]: () => tree.open(path, signal)[Symbol.asyncIterator]() };
}
