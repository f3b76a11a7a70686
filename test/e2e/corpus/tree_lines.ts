/** Trees of images in words, alike whether they come as a tar or as a mounted directory. */
import { createHash } from "node:crypto";
import { type ByteString, fromText, toText } from "../../../src/byte_string.ts";
import { type ByteSource, collect } from "../../../src/bytes/index.ts";
import * as sys from "../../../src/sys/index.ts";
import { readTar, type TarEntry } from "../../../src/tar/index.ts";

/** By path: kind, mode, owner, time if it is of long ago, device, attributes, target or content. */
export type ImageTree = Record<string, string>;

interface Node {
  readonly type: TarEntry["type"];
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly device: string;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  readonly content?: Uint8Array;
  readonly target?: ByteString;
}

/** Files older than this keep their time; the others were made by the build, whenever that was. */
const longAgo = Date.UTC(2021) / 1000;

function lineOf({ type, mode, uid, gid, mtime, device, xattrs, content, target }: Node): string {
  const words: string[] = [type];
  if (type !== "symlink") words.push(mode.toString(8));
  words.push(`${uid}:${gid}`);
  if (mtime < longAgo) words.push(`@${mtime}`);
  if (type === "char" || type === "block") words.push(device);
  for (const [name, value] of [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1)))
    words.push(`${name}=${Buffer.from(value).toString("hex")}`);
  if (target !== undefined) words.push(`-> ${target}`);
  if (content !== undefined) words.push(contentOf(content));
  return words.join(" ");
}

function contentOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("latin1");
  if (/^[\n -~]{0,200}$/.test(text)) return JSON.stringify(text);
  return `${bytes.length} bytes ${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Hard links: all names but the first, in the order of names, are `= first`. */
function withLinks(
  lines: ReadonlyMap<ByteString, string>,
  groups: Iterable<readonly ByteString[]>,
): ImageTree {
  const tree = new Map(lines);
  for (const names of groups) {
    const [first = "", ...rest] = [...names].sort();
    for (const name of rest) tree.set(name, `= ${toText(first)}`);
  }
  return Object.fromEntries(
    [...tree].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, line]) => [toText(path), line]),
  );
}

/** Of the tar of a whole image. */
export async function treeOfTar(tar: ByteSource): Promise<ImageTree> {
  const lines = new Map<ByteString, string>();
  const groups = new Map<ByteString, ByteString[]>();
  for await (const { entry, body } of readTar(tar)) {
    const path = entry.path.replace(/^\.?\//, "").replace(/\/$/, "");
    if (path === "" || path === ".") continue;
    const { type, linkPath, devMajor, devMinor, xattrs = new Map() } = entry;
    if (type === "hardlink") {
      const target = linkPath.replace(/^\.?\//, "");
      groups.set(target, [...(groups.get(target) ?? [target]), path]);
      lines.set(path, lines.get(target) ?? "");
      continue;
    }
    const line = lineOf({
      ...entry,
      device: `${devMajor}:${devMinor}`,
      xattrs,
      ...(type === "symlink" && { target: linkPath }),
      ...(type === "file" && { content: await collect(body, 1 << 28) }),
    });
    lines.set(path, line);
  }
  return withLinks(lines, groups.values());
}

const kinds = new Map<number, TarEntry["type"]>([
  [sys.S_IFREG, "file"],
  [sys.S_IFDIR, "directory"],
  [sys.S_IFLNK, "symlink"],
  [sys.S_IFIFO, "fifo"],
  [sys.S_IFCHR, "char"],
  [sys.S_IFBLK, "block"],
]);

/** Of a directory where the image is mounted. */
export function treeOfDirectory(path: string): ImageTree {
  const lines = new Map<ByteString, string>();
  const groups = new Map<string, ByteString[]>();
  describe(fromText(path), "", lines, groups);
  return withLinks(
    lines,
    [...groups.values()].filter((names) => names.length > 1),
  );
}

function describe(
  root: ByteString,
  below: ByteString,
  lines: Map<ByteString, string>,
  groups: Map<string, ByteString[]>,
): void {
  const directory = sys.openAt(sys.AT_FDCWD, `${root}/${below}`, sys.O_RDONLY | sys.O_DIRECTORY);
  try {
    for (const { name } of sys.readDir(directory)) {
      const path = below === "" ? name : `${below}/${name}`;
      const stat = sys.statAt(directory, name);
      const type = kinds.get(stat.mode & sys.S_IFMT) ?? "file";
      lines.set(path, lineOf(nodeAt(directory, name, stat, type)));
      if (type === "directory") describe(root, path, lines, groups);
      else {
        const key = `${stat.dev}:${stat.ino}`;
        groups.set(key, [...(groups.get(key) ?? []), path]);
      }
    }
  } finally {
    sys.close(directory);
  }
}

function nodeAt(directory: number, name: ByteString, stat: sys.Stat, type: TarEntry["type"]): Node {
  const xattrs = new Map<ByteString, Uint8Array>();
  for (const attribute of sys.listXattrAt(directory, name)) {
    const value = sys.getXattrAt(directory, name, attribute);
    // Overlayfs keeps its own books in attributes that are no part of the image.
    if (value !== undefined && !attribute.startsWith("trusted.overlay.")) xattrs.set(attribute, value);
  }
  return {
    type,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtime: Number(stat.mtime),
    device: `${stat.rdevMajor}:${stat.rdevMinor}`,
    xattrs,
    ...(type === "symlink" && { target: sys.readlinkAt(directory, name) }),
    ...(type === "file" && { content: read(directory, name) }),
  };
}

function read(directory: number, name: ByteString): Uint8Array {
  const file = sys.openAt(directory, name, sys.O_RDONLY | sys.O_NOFOLLOW);
  try {
    const bytes = new Uint8Array(sys.fstat(file).size);
    for (let at = 0; at < bytes.length;) {
      const count = sys.read(file, bytes, at);
      if (count === 0) return bytes.subarray(0, at);
      at += count;
    }
    return bytes;
  } finally {
    sys.close(file);
  }
}

/** What `tree` has otherwise than its base image: changed and new paths with their lines, and `gone`. */
export function changesSince(base: ImageTree, tree: ImageTree): ImageTree {
  const changed = Object.entries(tree).filter(([path, line]) => base[path] !== line);
  const gone = Object.keys(base).filter((path) => !(path in tree));
  return Object.fromEntries(
    [...changed, ...gone.map((path) => [path, "gone"])].sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)),
  );
}
