/** Trees of any origin written down alike, for comparing. */
import { createHash } from "node:crypto";
import type { ByteString } from "../../src/byte_string.ts";
import { type Branch, type NodeStat, type ReadView, walkBranch } from "../../src/union/index.ts";

export interface TreeLine {
  /** Seconds and nanoseconds. */
  readonly mtime: string;
  /** Kind, mode, owner, size, device, attributes, content or target, and the first name of a hard link. */
  readonly rest: string;
}

export type TreeLines = Map<ByteString, TreeLine>;

export interface NodeDescription {
  readonly stat: Omit<NodeStat, "nlink" | "ino">;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
  /** Of a file. */
  readonly content?: Uint8Array;
  /** Of a symlink. */
  readonly target?: ByteString;
  /** The first name of the same file, if it is another. */
  readonly first?: ByteString;
}

export function lineOf({ stat, xattrs, content, target, first }: NodeDescription): TreeLine {
  const { kind, mode, uid, gid, mtime, mtimeNs, size, rdevMajor, rdevMinor } = stat;
  const words = [kind, mode.toString(8), `${uid}:${gid}`, `size=${size}`, `device=${rdevMajor}:${rdevMinor}`];
  for (const [name, value] of [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1)))
    words.push(`${name}=${Buffer.from(value).toString("hex")}`);
  if (content !== undefined) words.push(createHash("sha256").update(content).digest("hex"));
  if (target !== undefined) words.push(`-> ${target}`);
  if (first !== undefined) words.push(`= ${first}`);
  return { mtime: `${mtime}.${String(mtimeNs).padStart(9, "0")}`, rest: words.join(" ") };
}

/** All of a branch but its root. A change directory of overlayfs is told with its marks: see {@link marked}. */
export function linesOfBranch(branch: Branch): TreeLines {
  const lines: TreeLines = new Map();
  const firsts = new Map<NodeStat["ino"], ByteString>();
  for (const [path, stat] of walkBranch(branch)) {
    const first = stat.kind === "directory" ? undefined : firsts.get(stat.ino);
    if (first === undefined) firsts.set(stat.ino, path);
    lines.set(
      path,
      lineOf({
        stat,
        xattrs: branch.xattrs(path),
        ...(stat.kind === "file" && { content: branch.read(path, 0, stat.size) }),
        ...(stat.kind === "symlink" && { target: branch.readLink(path) }),
        ...(first !== undefined && { first }),
      }),
    );
  }
  return lines;
}

/** All that a union shows, but its root. */
export function linesOfView(view: ReadView): TreeLines {
  return linesOfBranch({
    stat: (path) => view.lookup(path)?.stat,
    list: (path) => view.readdir(path),
    read: (path, offset, length) => view.read(path, offset, length),
    readLink: (path) => view.readLink(path),
    xattrs: (path) => view.xattrs(path, { follow: false }),
  });
}

/** Directories that have the time of a moment since `start`, seconds. */
export function madeSince(lines: TreeLines, start: number): ByteString[] {
  return [...lines]
    .filter(([, { mtime }]) => Number.parseInt(mtime) >= start && Number.parseInt(mtime) < start + 3600)
    .map(([path]) => path);
}

/** Has the directories at `paths`, whose times are an accident, have any. */
export function forgetTimes(trees: readonly TreeLines[], paths: readonly ByteString[]): void {
  for (const path of paths)
    for (const lines of trees) {
      const line = lines.get(path);
      if (line?.rest.includes("directory ") === true) lines.set(path, { ...line, mtime: "any" });
    }
}

const opaqueMark = ` trusted.overlay.opaque=${Buffer.from("y").toString("hex")}`;

/**
 * Marks in words: `whiteout`, and `opaque` in front of a directory. A whiteout where all is hidden anyway goes.
 * @param isOpaque whether the root is
 */
export function marked(lines: TreeLines, isOpaque: boolean): TreeLines {
  const result: TreeLines = new Map();
  const opaque = new Set<ByteString>(isOpaque ? [""] : []);
  for (const [path, { mtime, rest }] of lines) {
    if (isBelow(path, opaque)) opaque.add(path);
    if (rest.startsWith("char 0 ") && rest.includes(" device=0:0")) {
      if (!isBelow(path, opaque)) result.set(path, { mtime: "", rest: "whiteout" });
    } else if (rest.includes(opaqueMark)) {
      opaque.add(path);
      result.set(path, { mtime, rest: `opaque ${rest.replace(opaqueMark, "")}` });
    } else result.set(path, { mtime, rest });
  }
  return result;
}

function isBelow(path: ByteString, directories: ReadonlySet<ByteString>): boolean {
  return directories.has(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
}
