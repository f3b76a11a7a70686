/** OverlayFS' spelling: devices 0/0 and extended attributes (kernel overlayfs.rst). */
import type { ByteString } from "../byte_string.ts";
import type { Marks, MarkWriter } from "./marks.ts";
import { childOf } from "./path.ts";
import type { Branch, NodeStat, WritableBranch } from "./types.ts";

export type OverlayPrefix = "trusted.overlay." | "user.overlay.";

const yes = Uint8Array.from([0x79]);

function text(value: Uint8Array | undefined): ByteString | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString("latin1");
}

export function isWhiteoutDevice({ kind, rdevMajor, rdevMinor }: NodeStat): boolean {
  return kind === "char" && rdevMajor === 0 && rdevMinor === 0;
}

export function overlayMarks(prefix: OverlayPrefix): Marks & MarkWriter {
  const mark = (branch: Branch, path: ByteString, name: string): ByteString | undefined =>
    text(branch.xattrs(path).get(prefix + name));

  /** Nested overlays spell a whiteout as an attribute of an empty file, in directories marked "x" (since Linux 6.7). */
  const isMarkedFile = (branch: Branch, directory: ByteString, name: ByteString, stat: NodeStat): boolean =>
    stat.kind === "file" &&
    stat.size === 0 &&
    mark(branch, directory, "opaque") === "x" &&
    mark(branch, childOf(directory, name), "whiteout") !== undefined;

  const isWhiteout = (branch: Branch, directory: ByteString, name: ByteString, stat: NodeStat): boolean =>
    isWhiteoutDevice(stat) || isMarkedFile(branch, directory, name, stat);

  return {
    find(branch, directory, name) {
      const path = childOf(directory, name);
      const stat = branch.stat(path);
      if (stat === undefined) return { stops: false };
      if (isWhiteout(branch, directory, name, stat)) return { stops: true };
      return { stat, stops: stat.kind === "directory" && mark(branch, path, "opaque") === "y" };
    },
    list(branch, directory) {
      const [entries, hidden] = [[] as { name: ByteString; kind: NodeStat["kind"] }[], [] as ByteString[]];
      for (const entry of branch.list(directory)) {
        // Only these kinds can be whiteouts: the others need no further look.
        const stat = /char|file/.test(entry.kind) ? branch.stat(childOf(directory, entry.name)) : undefined;
        if (stat !== undefined && isWhiteout(branch, directory, entry.name, stat)) hidden.push(entry.name);
        else entries.push(entry);
      }
      return { entries, hidden };
    },
    isWhiteout(branch, path) {
      const stat = branch.stat(path);
      return stat !== undefined && isWhiteoutDevice(stat);
    },
    redirect: (branch, path) => mark(branch, path, "redirect"),
    isMetacopy: (branch, path) => mark(branch, path, "metacopy") !== undefined,
    xattrs: (branch, path) => shown(branch.xattrs(path), prefix),
    whiteout: (branch, path) => branch.create(path, device),
    removeWhiteout: (branch, path) => branch.remove(path),
    opaque: (branch, path) => branch.setXattr(path, `${prefix}opaque`, yes),
    isOpaque: (branch, path) => mark(branch, path, "opaque") === "y",
    // An overlay in an overlay must be able to keep its marks: since Linux 6.7 they are escaped.
    storedXattr: (name) => (name.startsWith(prefix) ? `${prefix}overlay.${name.slice(prefix.length)}` : name),
  };
}

/** WHITEOUT_MODE and WHITEOUT_DEV of the kernel are both 0 (include/linux/fs.h). Its time means nothing. */
const device = { kind: "char", mode: 0, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 } as const;

function shown(stored: ReadonlyMap<ByteString, Uint8Array>, prefix: string): Map<ByteString, Uint8Array> {
  const result = new Map<ByteString, Uint8Array>();
  for (const [name, value] of stored) {
    if (!name.startsWith(prefix)) result.set(name, value);
    else if (name.startsWith(`${prefix}overlay.`))
      result.set(prefix + name.slice(`${prefix}overlay.`.length), value);
  }
  return result;
}

/** Marks a file or directory as the continuation of `target` in lower branches. */
export function setRedirect(
  branch: WritableBranch,
  path: ByteString,
  target: ByteString,
  prefix: OverlayPrefix,
): void {
  branch.setXattr(path, `${prefix}redirect`, Buffer.from(target, "latin1"));
}

/** Says that the content of a file is still the lower one's; undefined when it has been copied. */
export function setMetacopy(
  branch: WritableBranch,
  path: ByteString,
  on: boolean,
  prefix: OverlayPrefix,
): void {
  branch.setXattr(path, `${prefix}metacopy`, on ? new Uint8Array(0) : undefined);
}
