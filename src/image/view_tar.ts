/** A merged view as one tar: what `export` would give of a container without changes, without container or mount. */
import { type ByteString, toText } from "../byte_string.ts";
import { throwIfCancelled, type ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { packTar, type EntryType, type PackedEntry, type TarEntry } from "../tar/index.ts";
import type { NodeKind, Origin, ReadView } from "../union/index.ts";

export interface ViewTarOptions {
  readonly signal: AbortSignal;
  /** Upper bound of all times, seconds since 1970. */
  readonly latest?: number;
}

/**
 * Names sorted by bytes in each directory, depth first, no entry for the root, sockets left out; of several names of one
 * file the first holds the content. The same tree gives the same bytes. The view must stay open until the end.
 */
export function viewTar(view: ReadView, options: ViewTarOptions): ByteSource {
  return packTar(entriesOf(view, options));
}

/** How long the event loop may stand still, in ms. */
const slice = 10;

async function* entriesOf(
  view: ReadView,
  { signal, latest = Infinity }: ViewTarOptions,
): AsyncGenerator<PackedEntry> {
  const links = new Map<string, ByteString>();
  let until = performance.now() + slice;
  for (const origin of view.walk()) {
    if (performance.now() > until) {
      await new Promise((resolve) => setImmediate(resolve));
      throwIfCancelled(signal);
      until = performance.now() + slice;
    }
    const entry = entryOf(view, origin, links);
    if (entry === undefined) continue;
    if (entry.mtime >= latest) Object.assign(entry, { mtime: latest, mtimeNs: 0 });
    yield entry.type === "file" && entry.size > 0
      ? { entry, body: contentOf(view, origin, signal) }
      : { entry };
  }
}

const types: Readonly<Record<NodeKind, EntryType | undefined>> = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  char: "char",
  block: "block",
  fifo: "fifo",
  socket: undefined,
};

function entryOf(
  view: ReadView,
  { path, stat, layers }: Origin,
  links: Map<string, ByteString>,
): TarEntry | undefined {
  const type = types[stat.kind];
  if (type === undefined) return undefined;
  const xattrs = view.xattrs(path, { follow: false });
  const entry: TarEntry = {
    path: type === "directory" ? `${path}/` : path,
    type,
    linkPath: type === "symlink" ? view.readLink(path) : "",
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    uname: "",
    gname: "",
    size: type === "file" ? stat.size : 0,
    mtime: stat.mtime,
    mtimeNs: stat.mtimeNs,
    devMajor: stat.rdevMajor,
    devMinor: stat.rdevMinor,
    ...(xattrs.size > 0 && { xattrs }),
  };
  if (type === "directory" || stat.nlink < 2) return entry;
  // Inode numbers of two layers have nothing to do with each other.
  const inode = `${layers[0]}:${stat.ino}`;
  const first = links.get(inode);
  if (first === undefined) {
    links.set(inode, path);
    return entry;
  }
  return { ...entry, type: "hardlink", linkPath: first, size: 0, devMajor: 0, devMinor: 0 };
}

const pieceSize = 1 << 20;

async function* contentOf(
  view: ReadView,
  { path, stat }: Origin,
  signal: AbortSignal,
): ByteSource & AsyncGenerator<Uint8Array> {
  for (let at = 0; at < stat.size;) {
    throwIfCancelled(signal);
    const piece = view.read(path, at, pieceSize);
    if (piece.length === 0)
      throw new Failure("corrupt", `file ${toText(path)} of the image ends before it should`);
    yield piece;
    at += piece.length;
    if (at < stat.size) await new Promise((resolve) => setImmediate(resolve));
  }
}
