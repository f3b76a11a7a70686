/** What an image shows somewhere, as an entry of a layer on top of it. */
import type { ByteString } from "../byte_string.ts";
import type { PackedEntry, TarEntry } from "../tar/index.ts";
import type { Origin, ReadView } from "../union/index.ts";
import { bareEntry } from "./bare_entry.ts";

/** All but the path. The content of a file is read as it is pulled. */
export function nodeOfImage(view: ReadView, { path, stat }: Origin): PackedEntry {
  const { kind, mode, uid, gid, mtime, mtimeNs, size } = stat;
  // No tar holds a socket; as a FIFO it is at least no file that can be read.
  const entry: TarEntry = {
    ...bareEntry("", kind === "socket" ? "fifo" : kind, mode, mtime),
    uid,
    gid,
    mtimeNs,
  };
  const xattrs = view.xattrs(path, { follow: false });
  if (xattrs.size > 0) entry.xattrs = xattrs;
  if (kind === "symlink") entry.linkPath = view.readLink(path);
  if (kind === "char" || kind === "block") {
    entry.devMajor = stat.rdevMajor;
    entry.devMinor = stat.rdevMinor;
  }
  if (kind !== "file") return { entry };
  entry.size = size;
  return { entry, body: bodyOf(view, path, size) };
}

const chunkSize = 1 << 20;

async function* bodyOf(view: ReadView, path: ByteString, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += chunkSize) yield view.read(path, at, chunkSize);
}
