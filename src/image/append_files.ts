/** From files given by value to the entries of a layer tar that fits on an image. */
import { type ByteString, fromText } from "../byte_string.ts";
import { Failure, isFailure } from "../errors.ts";
import type { EntryType, PackedEntry, TarEntry } from "../tar/index.ts";
import type { ReadView } from "../union/index.ts";
import { bareEntry } from "./bare_entry.ts";
import { type DraftNode, LayerDraft } from "./layer_draft.ts";

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
  const draft = new LayerDraft(view, time);
  const given = new Set<ByteString>();
  // Shorter paths first: a directory that is given must be known when something in it is.
  for (const file of files.toSorted((a, b) => a.path.length - b.path.length)) {
    const path = place(draft, file.path);
    if (given.has(path)) throw new Failure("invalid", `${file.path} is given twice`);
    given.add(path);
    if ("removed" in file) draft.set(...whiteout(view, path, file.path));
    else if ("directory" in file) draft.setDirectory(path, nodeOf(file, time).entry);
    else draft.set(path, nodeOf(file, time));
  }
  const entries = draft.list().toArray();
  return { entries, existing: entries.filter(({ node }) => node.isExisting).map(({ entry }) => entry) };
}

/** The path without symlinks on the way. */
function place(draft: LayerDraft, path: string): ByteString {
  const parts = fromText(path)
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  const name = parts.pop();
  if (name === undefined || name === ".." || parts.includes("..") || path.includes("\0")) {
    throw new Failure("invalid", `${JSON.stringify(path)} is no path of a file in an image`);
  }
  if (name.startsWith(".wh.")) {
    throw new Failure("invalid", `${path} would be read as a whiteout: layers cannot hold such a name`);
  }
  const directory = draft.resolve(parts.join("/"), { last: true });
  if (directory === "") return name;
  try {
    draft.makeDirectories(directory);
  } catch (error) {
    if (!isFailure(error, "invalid")) throw error;
    throw new Failure("invalid", `cannot put ${path} into the image: ${directory} is no directory`);
  }
  return `${directory}/${name}`;
}

function nodeOf(file: Exclude<AppendedFile, { removed: true }>, time: number): DraftNode {
  const { mode, uid = 0, gid = 0, mtime } = file;
  const seconds = mtime === undefined ? time : Math.floor(mtime.getTime() / 1000);
  const entry = (type: EntryType, usual: number): TarEntry => ({
    ...bareEntry("", type, mode ?? usual, seconds),
    uid,
    gid,
  });
  if ("content" in file) {
    const body = typeof file.content === "string" ? Buffer.from(file.content) : file.content;
    return { entry: { ...entry("file", 0o644), size: body.length }, body };
  }
  if ("target" in file) return { entry: { ...entry("symlink", 0o777), linkPath: fromText(file.target) } };
  return { entry: entry("directory", 0o755) };
}

/** As Docker writes it (behaviours B044). */
function whiteout(view: ReadView, path: ByteString, given: string): [ByteString, DraftNode] {
  if (view.lookup(path) === undefined) {
    throw new Failure("not-found", `cannot remove ${given}: the image has no such path`);
  }
  const slash = path.lastIndexOf("/") + 1;
  const mark = `${path.slice(0, slash)}.wh.${path.slice(slash)}`;
  return [mark, { entry: bareEntry("", "file", 0o600, 0) }];
}
