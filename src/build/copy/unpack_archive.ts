/**
 * What `ADD` makes of a tar. The archive is read twice: for its names, so that the layer says each of them once and as
 * it is in the end, and for its contents, which are never all in memory.
 */
import type { ByteString } from "../../byte_string.ts";
import { type ByteSource, decompress, throwIfCancelled } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import { bareEntry, type DraftNode, type LayerDraft, type ListedEntry } from "../../image/index.ts";
import { type PackedEntry, type ReadEntry, readTar, type TarEntry } from "../../tar/index.ts";
import type { FileContent, FileItem } from "./copy_source.ts";
import { insideTree } from "./find_paths.ts";
import { joinPath, splitPath } from "./join_path.ts";
import { keptAttributes } from "./kept_attributes.ts";
import { checkDevice, checkName, type PlaceOptions } from "./place_source.ts";

// An archive may unpack to a thousand times its size and more.
const maxEntries = 1_000_000;
const maxBytes = 2 ** 38;

export interface UnpackedArchive {
  readonly content: FileContent;
  /** Which entry of the archive holds the content of a node, counted from 0. */
  readonly contents: ReadonlyMap<DraftNode, number>;
}

/**
 * Puts all that the archive holds into the layer, but for contents. Names stay inside the destination: as Docker, which
 * unpacks with the destination as its root, `..` and absolute links lead no higher than that; what has a name already is
 * replaced, directories are merged, and no symlink at the end of a name is followed.
 *
 * Throws `Failure("corrupt")` for a malformed archive, `"invalid"` for what no layer can hold, `"limit"`.
 */
export async function unpackArchive(
  draft: LayerDraft,
  { content }: FileItem,
  options: PlaceOptions,
): Promise<UnpackedArchive> {
  const { destination, owner, signal } = options;
  const scope = draft.resolve(destination.path, { last: true });
  draft.makeDirectories(scope, { uid: 0, gid: 0, ...owner });
  const contents = new Map<DraftNode, number>();
  let index = 0;
  for await (const { entry } of entriesOf(content.open(signal), signal)) {
    if (index >= maxEntries) throw new Failure("limit", `the archive has over ${maxEntries} entries`);
    const node = place(draft, entry, scope, options);
    if (node !== undefined) contents.set(node, index);
    index++;
  }
  return { content, contents };
}

/**
 * The files of the archive that the layer has in the end, with their contents, each followed by its hard links.
 * @param listed what the layer lists of the archive's nodes
 */
export async function* archiveEntries(
  { content, contents }: UnpackedArchive,
  listed: readonly ListedEntry[],
  signal: AbortSignal,
): AsyncGenerator<PackedEntry, void, undefined> {
  const wanted = new Map<number, PackedEntry[]>();
  for (const { entry, node } of listed) {
    const index = contents.get(node);
    if (index === undefined) continue;
    const names = wanted.get(index);
    if (names === undefined) wanted.set(index, [{ entry }]);
    else names.push({ entry });
  }
  let index = 0;
  for await (const { entry: found, body } of entriesOf(content.open(signal), signal)) {
    const [first, ...links] = wanted.get(index++) ?? [];
    if (first === undefined) continue;
    if (found.type !== "file" || found.size !== first.entry.size) break;
    yield { entry: first.entry, body };
    yield* links;
    wanted.delete(index - 1);
    if (wanted.size === 0) return;
  }
  if (wanted.size > 0) throw new Failure("conflict", "the archive was changed while it was unpacked");
}

async function* entriesOf(content: ByteSource, signal: AbortSignal): AsyncGenerator<ReadEntry> {
  for await (const entry of readTar(decompress(content, { signal, maxBytes }))) {
    throwIfCancelled(signal);
    yield entry;
  }
}

/** Returns the node if its content comes later. */
function place(
  draft: LayerDraft,
  entry: TarEntry,
  scope: ByteString,
  options: PlaceOptions,
): DraftNode | undefined {
  const inside = insideTree(entry.path);
  // The destination itself stays as it is.
  if (inside === "") return undefined;
  const path = resolveIn(draft, inside, scope);
  checkName(path);
  switch (entry.type) {
    case "directory":
      draft.setDirectory(path, ownEntry(entry, options));
      return undefined;
    case "hardlink": {
      const node = draft.link(path, resolveIn(draft, insideTree(entry.linkPath), scope));
      if (node.entry.type !== "symlink") takeAttributes(node.entry, ownEntry(entry, options));
      return undefined;
    }
    case "char":
    case "block":
    case "symlink":
    case "fifo":
      checkDevice(entry, entry.path);
      draft.set(path, { entry: ownEntry(entry, options) });
      return undefined;
    case "file": {
      const node = { entry: ownEntry(entry, options) };
      draft.set(path, node);
      return entry.size > 0 ? node : undefined;
    }
  }
}

/** Symlinks on the way are followed, the destination being their root; that at the end is not. */
function resolveIn(draft: LayerDraft, inside: ByteString, scope: ByteString): ByteString {
  const { directory, name } = splitPath(inside);
  return joinPath(draft.resolve(directory, { scope, last: true }), name);
}

function ownEntry(entry: TarEntry, { owner }: PlaceOptions): TarEntry {
  const { type, mode, uid, gid, mtime, mtimeNs, size, linkPath, devMajor, devMinor } = entry;
  const xattrs = keptAttributes(entry.xattrs);
  const attributes = { mtimeNs, uid, gid, ...owner, size, linkPath, devMajor, devMinor };
  return { ...bareEntry("", type, mode, mtime), ...attributes, ...(xattrs && { xattrs }) };
}

/** Docker sets owner, mode and time of a file anew for each of its links, as the link's own header has them. */
function takeAttributes(node: TarEntry, { mode, uid, gid, mtime, mtimeNs }: TarEntry): void {
  Object.assign(node, { mode, uid, gid, mtime, mtimeNs });
}
