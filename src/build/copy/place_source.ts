/** Where in the image a source goes, and what it becomes there. */
import { type ByteString, fromText, toText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import { bareEntry, type DraftNode, type LayerDraft } from "../../image/index.ts";
import type { EntryType, TarEntry } from "../../tar/index.ts";
import type { CopyItem, CopySource, FileItem } from "./copy_source.ts";
import { joinPath, splitPath } from "./join_path.ts";
import type { Owner } from "./owner_of.ts";

export interface Destination {
  /** From the image's root, without symlinks followed. */
  readonly path: ByteString;
  /** It is a directory, whether or not it is there. */
  readonly isDirectory: boolean;
}

export interface PlaceOptions {
  readonly destination: Destination;
  /** `--chown`; undefined: all keep the owner that the tree gives them. */
  readonly owner?: Owner;
  /** `--chmod` in digits, which counts for directories that are made, too (as BuildKit). */
  readonly madeMode?: number;
  /** Seconds since 1970, for what has no time of its own. */
  readonly time: number;
  /** Whether set-id bits and capabilities of files are lost. */
  readonly clearsSetId: boolean;
  readonly signal: AbortSignal;
}

/** The destination as the instruction says it, below the stage's working directory. */
export function destinationOf(destination: string, workingDir: string): Destination {
  const parts: string[] = [];
  const whole = destination.startsWith("/") ? destination : `${workingDir}/${destination}`;
  for (const part of whole.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return { path: fromText(parts.join("/")), isDirectory: endsAsDirectory(destination) };
}

/** `dir/`, and with BuildKit `.` and `dir/.`. */
export function endsAsDirectory(destination: string): boolean {
  return destination === "" || /(?:^|\/)\.?$/.test(destination);
}

/** Puts files and directories into the layer. Throws `Failure("invalid")` for what does not fit on the image. */
export function placeSource(
  draft: LayerDraft,
  source: Extract<CopySource, { kind: "file" | "directory" }>,
  options: PlaceOptions,
): void {
  const { destination, owner, madeMode } = options;
  const path = draft.resolve(destination.path, { last: true });
  const made = { uid: 0, gid: 0, ...owner, ...(madeMode !== undefined && { mode: madeMode }) };
  if (source.kind === "file") {
    const isInside = destination.isDirectory || draft.kindAt(path) === "directory";
    const target = isInside ? joinPath(path, source.item.name) : path;
    checkName(target);
    draft.makeDirectories(splitPath(target).directory, made);
    draft.set(target, fileNode(source.item, options));
    return;
  }
  // The directory itself gets the owner, those above it do not (moby, `copyDirectory`).
  draft.makeDirectories(splitPath(path).directory);
  draft.makeDirectories(path, made);
  const links = new Map<string, ByteString>();
  for (const item of source.items) placeItem(draft, item, joinPath(path, item.name), links, options);
}

function placeItem(
  draft: LayerDraft,
  item: CopyItem,
  path: ByteString,
  links: Map<string, ByteString>,
  options: PlaceOptions,
): void {
  checkName(path);
  const first = item.kind === "file" && item.inode !== undefined ? links.get(item.inode) : undefined;
  if (first !== undefined) draft.link(path, first);
  else if (item.kind === "directory") draft.setDirectory(path, entryOf(item, "directory", options));
  else if (item.kind === "file") {
    draft.set(path, fileNode(item, options));
    if (item.inode !== undefined) links.set(item.inode, path);
  } else draft.set(path, { entry: specialEntry(item, options) });
}

function fileNode(item: FileItem, options: PlaceOptions): DraftNode {
  const { content } = item;
  const entry = { ...entryOf(item, "file", options), size: content.size };
  if (options.clearsSetId) {
    // Linux, setattr_prepare and security_inode_killpriv: chown takes them, the group's only from what is executable.
    entry.mode &= (entry.mode & 0o010) === 0 ? 0o3777 : 0o1777;
    delete entry.xattrs;
  }
  return { entry, body: content.open(options.signal) };
}

function specialEntry(
  item: Exclude<CopyItem, { kind: "file" } | { kind: "directory" }>,
  options: PlaceOptions,
): TarEntry {
  const entry = entryOf(item, item.kind, options);
  if (item.kind === "symlink") return { ...entry, linkPath: item.target };
  if (item.kind === "fifo") return entry;
  const { devMajor, devMinor } = item;
  const device = { ...entry, devMajor, devMinor };
  checkDevice(device, item.name);
  return device;
}

function entryOf(item: CopyItem, type: EntryType, { owner, time }: PlaceOptions): TarEntry {
  const { mode, mtime = time, mtimeNs = 0, uid, gid, xattrs } = item;
  const entry = { ...bareEntry("", type, mode, mtime), mtimeNs, uid, gid, ...owner };
  return xattrs === undefined ? entry : { ...entry, xattrs: new Map(xattrs) };
}

/** Throws `Failure("invalid")` for a name that means something else in a layer, or nothing at all. */
export function checkName(path: ByteString): void {
  const { name } = splitPath(path);
  if (name.startsWith(".wh.")) {
    const why = "would be read as a whiteout: layers cannot hold such a name";
    throw new Failure("invalid", `/${toText(path)} ${why}`);
  }
  if (name === "") throw new Failure("invalid", "cannot copy to /: not a directory");
  if (name.length > 255) throw new Failure("invalid", `/${toText(path.slice(0, 300))}…: file name too long`);
}

/** Throws `Failure("invalid")` for the device that is overlayfs' whiteout. @param path for the message */
export function checkDevice({ type, devMajor, devMinor }: TarEntry, path: ByteString): void {
  if (type !== "char" || devMajor !== 0 || devMinor !== 0) return;
  throw new Failure("invalid", `${toText(path)} is a device 0:0, which means a whiteout in a layer`);
}
