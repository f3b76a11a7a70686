/** The spelling in files, which AUFS invented and layer tars have kept. */
import type { ByteString } from "../byte_string.ts";
import type { Marks, MarkWriter } from "./marks.ts";
import { childOf, nameOf, parentOf } from "./path.ts";
import type { DirectoryEntry } from "./types.ts";

const prefix = ".wh.";
/** AUFS' own names: `.wh..wh.opq` and its bookkeeping. */
const ownPrefix = ".wh..wh.";
const opaqueName = ".wh..wh..opq";
/** Where AUFS keeps files whose hard links lie in lower branches: "pseudo-links" (aufs.5). */
export const linksDirectory = ".wh..wh.plnk";

/** Whether AUFS keeps the name for itself: users can neither see nor make it. */
export function isReserved(name: ByteString): boolean {
  return name.startsWith(prefix);
}

function whiteoutOf(path: ByteString): ByteString {
  return childOf(parentOf(path), prefix + nameOf(path));
}

/** aufs marks with mode 0444; a layer tar says 0600 or anything else. */
const empty = { kind: "file", mode: 0o444, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 } as const;

export const fileMarks: Marks & MarkWriter = {
  find(branch, directory, name) {
    if (isReserved(name)) return { stops: true };
    const path = childOf(directory, name);
    const stat = branch.stat(path);
    // A tar may have both: the whiteout then hides what is below, not what is beside it (behaviours B014).
    const whited = branch.stat(whiteoutOf(path)) !== undefined;
    if (stat === undefined) return { stops: whited };
    return { stat, stops: whited || (stat.kind === "directory" && fileMarks.isOpaque(branch, path)) };
  },
  list(branch, directory) {
    const [entries, hidden] = [[] as DirectoryEntry[], [] as ByteString[]];
    for (const entry of branch.list(directory)) {
      if (!isReserved(entry.name)) entries.push(entry);
      else if (!entry.name.startsWith(ownPrefix)) hidden.push(entry.name.slice(prefix.length));
    }
    return { entries, hidden };
  },
  isWhiteout: (branch, path) =>
    branch.stat(path) === undefined && branch.stat(whiteoutOf(path)) !== undefined,
  redirect: () => undefined,
  isMetacopy: () => false,
  xattrs: (branch, path) => new Map(branch.xattrs(path)),
  whiteout: (branch, path) => branch.create(whiteoutOf(path), empty),
  removeWhiteout: (branch, path) => branch.remove(whiteoutOf(path)),
  opaque: (branch, path) => branch.create(childOf(path, opaqueName), empty),
  isOpaque: (branch, path) => branch.stat(childOf(path, opaqueName)) !== undefined,
  storedXattr: (name) => name,
};
