/** Small trees for tests of unions: written short, made in memory or on disk, and written down for comparing. */
import * as fs from "node:fs";
import { join } from "node:path";
import { MemoryBranch, walkBranch, type Branch, type NewNode, type NodeStat } from "../../src/union/index.ts";
import * as sys from "../../src/sys/index.ts";

/** What a branch holds at a path; nothing said: a directory. */
export interface Item {
  readonly content?: string;
  readonly symlink?: string;
  readonly fifo?: true;
  /** Another name of a file that stands before it. */
  readonly link?: string;
  readonly whiteout?: true;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** A text is a file of that content. Parents stand before their children. */
export type Tree = Readonly<Record<string, string | Item>>;

/** Of everything that a test starts with: long ago. */
const old = { mtime: 1_000_000_000, mtimeNs: 123_000 };
/** Later than this is "now". */
const year2020 = 1_577_836_800;

export const opaque = { "trusted.overlay.opaque": "y" } as const;

export function memoryBranch(tree: Tree): MemoryBranch {
  const branch = new MemoryBranch();
  for (const [path, item] of Object.entries(tree)) {
    if (typeof item !== "string" && item.link !== undefined) branch.link(item.link, path);
    else branch.create(path, nodeOf(typeof item === "string" ? { content: item } : item));
  }
  branch.setAttributes("", old);
  for (const [path] of walkBranch(branch)) branch.setAttributes(path, old);
  return branch;
}

function nodeOf({ content, symlink, fifo, whiteout, ...item }: Item): NewNode {
  const { mode, uid = 0, gid = 0, xattrs = {} } = item;
  const values = new Map(Object.entries(xattrs).map(([name, value]) => [name, Buffer.from(value)]));
  const rest = { uid, gid, xattrs: values };
  if (whiteout === true) return { ...rest, kind: "char", mode: 0 };
  if (symlink !== undefined) return { ...rest, kind: "symlink", mode: 0o777, target: symlink };
  if (fifo === true) return { ...rest, kind: "fifo", mode: mode ?? 0o644 };
  if (content === undefined) return { ...rest, kind: "directory", mode: mode ?? 0o755 };
  return { ...rest, kind: "file", mode: mode ?? 0o644, content: Buffer.from(content) };
}

/** Writes a branch into a new directory. */
export function writeBranch(branch: MemoryBranch, directory: string): void {
  fs.mkdirSync(directory);
  const firsts = new Map<NodeStat["ino"], string>();
  for (const [path, stat] of walkBranch(branch)) {
    const full = join(directory, path);
    const first = firsts.get(stat.ino);
    if (first !== undefined) fs.linkSync(first, full);
    else makeNode(branch, path, stat, full);
    firsts.set(stat.ino, full);
  }
  // Depth first, from below: making a child changes the time of its directory.
  for (const [path, stat] of [...walkBranch(branch)].reverse()) setAttributes(join(directory, path), stat);
  setAttributes(directory, branch.stat("") as NodeStat);
}

function makeNode(
  branch: Branch,
  path: string,
  { kind, mode, rdevMajor, rdevMinor }: NodeStat,
  full: string,
): void {
  if (kind === "directory") fs.mkdirSync(full);
  else if (kind === "file") fs.writeFileSync(full, branch.read(path, 0, Infinity));
  else if (kind === "symlink") fs.symlinkSync(branch.readLink(path), full);
  else if (kind === "fifo") sys.mknodAt(sys.AT_FDCWD, full, sys.S_IFIFO | mode);
  else sys.mknodAt(sys.AT_FDCWD, full, sys.S_IFCHR | mode, rdevMajor, rdevMinor);
  for (const [name, value] of branch.xattrs(path)) sys.setXattrAt(sys.AT_FDCWD, full, name, value);
}

function setAttributes(full: string, stat: NodeStat): void {
  sys.chownAt(sys.AT_FDCWD, full, stat.uid, stat.gid);
  if (stat.kind !== "symlink") sys.chmodAt(sys.AT_FDCWD, full, stat.mode);
  sys.utimensAt(sys.AT_FDCWD, full, stat);
}

/** A node as one line. */
export function lineOf(stat: NodeStat, xattrs: ReadonlyMap<string, Uint8Array>, content: string): string {
  const { kind, mode, uid, gid, nlink, rdevMajor, rdevMinor, mtime, mtimeNs } = stat;
  if (kind === "char" && rdevMajor === 0 && rdevMinor === 0) return "whiteout";
  const fields = [kind, mode.toString(8), `${uid}:${gid}`, mtime >= year2020 ? "now" : `${mtime}.${mtimeNs}`];
  if (kind !== "directory") fields.push(`links=${nlink}`);
  if (kind === "file") fields.push(`size=${stat.size}`);
  if (kind === "char") fields.push(`dev=${rdevMajor}:${rdevMinor}`);
  for (const [name, value] of [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (kernelsOwn.has(name)) continue;
    fields.push(`${name}=${Buffer.from(value).toString("latin1")}`);
  }
  return [...fields, JSON.stringify(content)].join(" ");
}

/**
 * A tree in few words, without times and without what is usual: `d/`, `f=content`, `l -> target`, `x whiteout`, with mode
 * and owner where they are not 644 (755) and 0:0, `x2` for two names. AUFS' marks are told as the others.
 */
export function brief(tree: ReadonlyMap<string, string>): string[] {
  const lines: string[] = [];
  for (const [path, line] of tree) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (path.startsWith(".wh..wh.plnk")) continue;
    if (name === ".wh..wh..opq" && isAufsMark(name, line)) continue;
    if (line === "whiteout" || isAufsMark(name, line))
      lines.push(`${path.replace(/\.wh\.([^/]*)$/, "$1")} whiteout`);
    else {
      const mark = tree.get(`${path}/.wh..wh..opq`);
      lines.push(briefLine(path, line, mark !== undefined && isAufsMark(".wh.", mark)));
    }
  }
  return lines.sort();
}

function isAufsMark(name: string, line: string): boolean {
  return name.startsWith(".wh.") && line.startsWith("file 444 ");
}

function briefLine(path: string, line: string, isOpaque: boolean): string {
  const quote = line.indexOf(' "');
  const [kind, mode, owner, , ...rest] = line.slice(0, quote).split(" ") as [string, string, string, string];
  const content = JSON.parse(line.slice(quote + 1)) as string;
  const words = (rest as string[]).flatMap((word) => {
    if (/^size=|^links=1$/.test(word)) return [];
    return word
      .replace(/^links=/, "x")
      .replace("trusted.overlay.", "")
      .replace("opaque=y", "opaque");
  });
  const isMetacopy = words.includes("metacopy=");
  const begin: Record<string, string> = {
    directory: `${path}/`,
    file: isMetacopy ? `${path} metacopy` : `${path}=${content}`,
    symlink: `${path} -> ${content}`,
  };
  const usual: Record<string, string> = { directory: "755", file: "644", symlink: "777", fifo: "644" };
  return [
    begin[kind] ?? `${path} ${kind}`,
    ...(isOpaque ? ["opaque"] : []),
    ...(mode === usual[kind] ? [] : [mode]),
    ...(owner === "0:0" ? [] : [owner]),
    ...words.filter((word) => word !== "metacopy="),
  ].join(" ");
}

/** The same tree as AUFS spells it. */
export function spelledInFiles(tree: Tree): Tree {
  const result: Record<string, string | Item> = {};
  for (const [path, item] of Object.entries(tree)) {
    if (typeof item === "string") result[path] = item;
    else if (item.whiteout === true) result[path.replace(/[^/]*$/, ".wh.$&")] = { content: "", mode: 0o444 };
    else if (item.xattrs?.["trusted.overlay.opaque"] === "y") {
      result[path] = { ...item, xattrs: {} };
      result[`${path}/.wh..wh..opq`] = { content: "", mode: 0o444 };
    } else result[path] = item;
  }
  return result;
}

/** What the kernel notes for itself, and no reader of a layer needs: file handles, and hints for readdir. */
const kernelsOwn = new Set(["origin", "impure", "uuid", "nlink"].map((name) => `trusted.overlay.${name}`));

/** A branch written down: path to line. The content of a metacopy is not there, and left out. */
export function treeOfBranch(branch: Branch): Map<string, string> {
  const lines = new Map<string, string>();
  for (const [path, stat] of walkBranch(branch)) {
    const xattrs = branch.xattrs(path);
    const reads = stat.kind === "file" && !xattrs.has("trusted.overlay.metacopy");
    const content = reads
      ? Buffer.from(branch.read(path, 0, Infinity)).toString("latin1")
      : stat.kind === "symlink"
        ? branch.readLink(path)
        : "";
    lines.set(path, lineOf(stat, xattrs, content));
  }
  return lines;
}
