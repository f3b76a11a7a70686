/** From files given by value to the entries of a layer tar that fits on an image. */
import { type ByteString, fromText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import type { EntryType, PackedEntry, TarEntry } from "../tar/index.ts";
import type { ReadView } from "../union/index.ts";

interface Attributes {
  /** From the image's root; a leading slash means nothing. */
  readonly path: string;
  /** Permission bits; default 0644, 0755 for directories. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Default: that of the image. */
  readonly mtime?: Date;
}

/** One thing that the layer is to hold. */
export type AppendedFile =
  | (Attributes & { readonly content: string | Uint8Array })
  | (Attributes & { readonly directory: true })
  /** A symbolic link that says `target`. */
  | (Attributes & { readonly target: string })
  /** Takes the path away, with all below it. */
  | (Attributes & { readonly removed: true });

export interface AppendedEntries {
  readonly entries: readonly PackedEntry[];
  /** Those of directories that the image has. */
  readonly existing: readonly TarEntry[];
}

/**
 * The layer's entries, each directory before what it holds, names by their bytes. Directories on the way are among
 * them, with the attributes that they have in the image: without, they would be made anew by whoever unpacks the layer.
 * @param view the image @param time seconds since 1970, for files without one of their own
 * @throws Failure("invalid") "not-found" as `appendLayer` says
 */
export function appendEntries(view: ReadView, files: readonly AppendedFile[], time: number): AppendedEntries {
  const layer = new Map<ByteString, PackedEntry>();
  const given = new Set<ByteString>();
  // Shorter paths first: a directory that is given must be known when something in it is.
  for (const file of files.toSorted((a, b) => a.path.length - b.path.length)) {
    const path = place(view, layer, file.path, time);
    if (given.has(path)) throw new Failure("invalid", `${file.path} is given twice`);
    given.add(path);
    layer.set(path, entryOf(view, path, file, time));
  }
  const entries = [...layer].sort(([a], [b]) => compare(a, b));
  const existing = entries.filter(([path]) => !given.has(path) && view.lookup(path) !== undefined);
  return { entries: entries.map(([, entry]) => entry), existing: existing.map(([, { entry }]) => entry) };
}

/** The path without symlinks on the way; directories on it join the layer. */
function place(view: ReadView, layer: Map<ByteString, PackedEntry>, path: string, time: number): ByteString {
  const parts = fromText(path)
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.includes("..") || path.includes("\0")) {
    throw new Failure("invalid", `${JSON.stringify(path)} is no path of a file in an image`);
  }
  if (parts.at(-1)?.startsWith(".wh.") === true) {
    throw new Failure("invalid", `${path} would be read as a whiteout: layers cannot hold such a name`);
  }
  let directory = "";
  for (const name of parts.slice(0, -1)) {
    const next = directory === "" ? name : `${directory}/${name}`;
    const here = layer.get(next)?.entry;
    const found = here === undefined ? view.lookup(next, { follow: true }) : undefined;
    if ((here !== undefined && here.type !== "directory") || (found && found.stat.kind !== "directory")) {
      throw new Failure("invalid", `cannot put ${path} into the image: ${next} is no directory`);
    }
    directory = found?.path ?? next;
    // A symlink may have led somewhere else: all directories on that way are needed.
    for (const at of ancestors(directory)) {
      if (!layer.has(at)) layer.set(at, directoryEntry(view, at, time));
    }
  }
  return directory === "" ? (parts.at(-1) as string) : `${directory}/${parts.at(-1) as string}`;
}

/** `a/b` to `a`, `a/b`. */
function ancestors(path: ByteString): ByteString[] {
  const parts = path === "" ? [] : path.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

function directoryEntry(view: ReadView, path: ByteString, time: number): PackedEntry {
  const found = view.lookup(path);
  if (found === undefined) return { entry: made(path, time) };
  const { mode, uid, gid, mtime } = found.stat;
  const xattrs = view.xattrs(path);
  return { entry: { ...made(path, mtime), mode, uid, gid, ...(xattrs.size > 0 && { xattrs }) } };
}

function made(path: ByteString, time: number): TarEntry {
  return bare(`${path}/`, "directory", 0o755, time);
}

function bare(path: ByteString, type: EntryType, mode: number, mtime: number): TarEntry {
  return {
    path,
    type,
    mode,
    mtime,
    mtimeNs: 0,
    linkPath: "",
    size: 0,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    devMajor: 0,
    devMinor: 0,
  };
}

function entryOf(view: ReadView, path: ByteString, file: AppendedFile, time: number): PackedEntry {
  const { mode, uid = 0, gid = 0, mtime } = file;
  const seconds = mtime === undefined ? time : Math.floor(mtime.getTime() / 1000);
  const entry = (type: EntryType, usual: number, at = path): TarEntry => ({
    ...bare(at, type, mode ?? usual, seconds),
    uid,
    gid,
  });
  if ("content" in file) {
    const body = typeof file.content === "string" ? Buffer.from(file.content) : file.content;
    return { entry: { ...entry("file", 0o644), size: body.length }, body };
  }
  if ("target" in file) return { entry: { ...entry("symlink", 0o777), linkPath: fromText(file.target) } };
  if ("directory" in file) return { entry: entry("directory", 0o755, `${path}/`) };
  if (view.lookup(path) === undefined) {
    throw new Failure("not-found", `cannot remove ${file.path}: the image has no such path`);
  }
  return { entry: whiteout(path) };
}

/** As Docker writes it (behaviours B044). */
function whiteout(path: ByteString): TarEntry {
  const slash = path.lastIndexOf("/") + 1;
  return bare(`${path.slice(0, slash)}.wh.${path.slice(slash)}`, "file", 0o600, 0);
}

/** By the parts of the path: a directory comes right before what it holds. */
function compare(a: ByteString, b: ByteString): number {
  const [left, right] = [a.replaceAll("/", "\0"), b.replaceAll("/", "\0")];
  return left < right ? -1 : left > right ? 1 : 0;
}
