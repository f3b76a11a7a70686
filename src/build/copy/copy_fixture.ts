/** Trees, images and layers for the tests of this folder, as short lists. */
import { createHash } from "node:crypto";
import { fromBytes } from "../../bytes/index.ts";
import { bareEntry } from "../../image/index.ts";
import type { PackedEntry } from "../../tar/index.ts";
import { isUnionError, MemoryBranch, type NewNode, ReadView } from "../../union/index.ts";
import type { SourceTree } from "../source/types.ts";

export type Given = { readonly path: string; readonly hardLinkTo?: string } & NewNode;

const time = { mtime: 1_500_000_000, mtimeNs: 0 };
const attributes = { uid: 0, gid: 0, ...time };

export function file(path: string, content: string | Uint8Array = path, rest: Partial<NewNode> = {}): Given {
  return { path, kind: "file", mode: 0o644, ...attributes, content: Buffer.from(content), ...rest };
}

export function dir(path: string, rest: Partial<NewNode> = {}): Given {
  return { path, kind: "directory", mode: 0o755, ...attributes, ...rest };
}

export function link(path: string, target: string): Given {
  return { path, kind: "symlink", mode: 0o777, ...attributes, target };
}

/** @param rest what a tar says of the link: another tool than ours may make it the file's own */
export function hard(path: string, hardLinkTo: string, rest: Partial<NewNode> = {}): Given {
  return { path, hardLinkTo, kind: "file", mode: 0o644, ...attributes, ...rest };
}

export function node(path: string, kind: NewNode["kind"], rest: Partial<NewNode> = {}): Given {
  return { path, kind, mode: 0o644, ...attributes, ...rest };
}

/** Directories that are not listed are made. */
export function branchOf(...given: readonly Given[]): MemoryBranch {
  const branch = new MemoryBranch({ now: () => time });
  for (const { path, hardLinkTo, ...node } of given) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join("/");
      if (branch.stat(parent) === undefined) branch.create(parent, dir(parent));
    }
    if (hardLinkTo === undefined) branch.create(path, node);
    else branch.link(hardLinkTo, path);
  }
  return branch;
}

export function viewOf(...given: readonly Given[]): ReadView {
  return new ReadView({ dialect: "overlay2", lowers: [branchOf(...given)] });
}

/** The same as the layer of an image. */
export function entriesOf(given: readonly Given[]): PackedEntry[] {
  return given.map(({ path, hardLinkTo, kind, mode, uid, gid, mtime = 0, target, content, ...rest }) => {
    const { rdevMajor: devMajor = 0, rdevMinor: devMinor = 0, xattrs } = rest;
    if (kind === "socket") throw new Error("no tar holds a socket");
    const type = hardLinkTo === undefined ? kind : "hardlink";
    const entry = { ...bareEntry(path, type, mode, mtime), uid, gid, devMajor, devMinor };
    const size = type === "file" ? (content?.length ?? 0) : 0;
    const linkPath = hardLinkTo ?? target ?? "";
    const whole = { ...entry, size, linkPath, ...(xattrs && { xattrs: new Map(xattrs) }) };
    return content === undefined || type !== "file" ? { entry: whole } : { entry: whole, body: content };
  });
}

/** A branch as a source. */
export function treeOf(branch: MemoryBranch, name = "context"): SourceTree {
  const view = new ReadView({ dialect: "overlay2", lowers: [branch] });
  const read = (path: string): Uint8Array => view.read(path);
  return {
    name,
    stat: (path) => {
      const stat = branch.stat(path);
      if (stat === undefined) return undefined;
      const { rdevMajor: devMajor, rdevMinor: devMinor, nlink, ino, ...rest } = stat;
      const isLinked = rest.kind !== "directory" && nlink > 1;
      return { ...rest, devMajor, devMinor, ...(isLinked && { inode: String(ino) }) };
    },
    resolve: (path) => {
      try {
        return view.lookup(path, { follow: true })?.path;
      } catch (error) {
        if (isUnionError(error, "ELOOP")) return undefined;
        throw error;
      }
    },
    readdir: (path) =>
      branch
        .list(path)
        .map((entry) => entry.name)
        .sort(),
    readLink: (path) => branch.readLink(path),
    xattrs: (path) => branch.xattrs(path),
    open: (path) => fromBytes(read(path)),
    read,
    contentDigest: async (path) => createHash("sha256").update(read(path)).digest("hex"),
    [Symbol.dispose]: () => undefined,
  };
}

export interface LinesOptions {
  /** Show the times of all but directories. */
  readonly times?: boolean;
}

/** `kind mode uid:gid path -> target "content"`, one line an entry. */
export async function linesOf(
  entries: AsyncIterable<PackedEntry> | Iterable<PackedEntry>,
  { times = false }: LinesOptions = {},
): Promise<string[]> {
  const lines: string[] = [];
  for await (const { entry, body } of entries) {
    const { type, mode, uid, gid, path, linkPath, mtime, devMajor, devMinor, xattrs } = entry;
    const chunks: Uint8Array[] = [];
    for await (const chunk of body instanceof Uint8Array ? [body] : (body ?? [])) chunks.push(chunk);
    const content = Buffer.concat(chunks);
    const shown =
      content.length > 60
        ? createHash("sha256").update(content).digest("hex").slice(0, 12)
        : content.toString();
    const parts = [type, mode.toString(8), `${uid}:${gid}`, path];
    if (linkPath !== "") parts.push("->", linkPath);
    if (type === "char" || type === "block") parts.push(`${devMajor}:${devMinor}`);
    if (type === "file") parts.push(JSON.stringify(shown));
    if (times && type !== "directory") parts.push(`@${mtime}`);
    for (const [name, value] of xattrs ?? []) parts.push(`${name}=${Buffer.from(value).toString("hex")}`);
    lines.push(parts.join(" "));
  }
  return lines;
}
