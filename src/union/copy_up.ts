/** Copying up: before anything of a lower branch is changed, the upper branch gets a copy (behaviours B024-B026). */
import type { ByteString } from "../byte_string.ts";
import { linksDirectory } from "./file_marks.ts";
import type { Found, FoundDirectory, FoundOther } from "./layer_stack.ts";
import { setMetacopy } from "./overlay_marks.ts";
import { nameOf, parentOf } from "./path.ts";
import type { Place } from "./walk_path.ts";
import type { NewNode, NodeAttributes } from "./types.ts";
import { isInUpper, type Writing } from "./writing.ts";

/**
 * How much of a file the change needs.
 * - `all`: it is going to be written to
 * - `nothing`: it is going to be truncated
 * - `attributes`: only those change; with the option `metacopy` the content stays below
 */
export type Needed = "all" | "nothing" | "attributes";

/** Bytes at a time. */
const chunkSize = 1 << 20;

/** Makes sure that the thing at `place` is in the upper branch, with its directories. */
export function copyUp(writing: Writing, place: Place, needed: Needed): void {
  const { path, parentPath, found } = place;
  if (found === undefined) return;
  if (found.parts !== undefined) {
    copyUpDirectory(writing, path);
    return;
  }
  copyUpDirectory(writing, parentPath);
  if (!isInUpper(writing.stack, found, path)) copyFile(writing, path, found, needed);
  else if (needed !== "attributes" && found.content.layer !== 0) fillMetacopy(writing, path, found, needed);
}

/** Makes sure that the directory `path`, which the union has, is in the upper branch: none of its children are. */
export function copyUpDirectory(writing: Writing, path: ByteString): FoundDirectory {
  const { stack } = writing;
  if (path === "") return stack.root;
  const parent = copyUpDirectory(writing, parentOf(path));
  const found = stack.lookup(parent.parts, nameOf(path)) as FoundDirectory;
  if (isInUpper(stack, found, path)) return found;
  keepingTime(writing, parentOf(path), () => writing.upper.create(path, nodeOf(writing, found)));
  return stack.lookup(parent.parts, nameOf(path)) as FoundDirectory;
}

function copyFile(writing: Writing, path: ByteString, found: FoundOther, needed: Needed): void {
  const { upper, rules, stack } = writing;
  keepingTime(writing, parentOf(path), () => {
    if (found.at.layer === 0) {
      // AUFS has copied it up under another name.
      upper.link(found.at.path, path);
      return;
    }
    upper.create(path, nodeOf(writing, found));
    if (found.stat.kind !== "file") return;
    if (needed === "attributes" && rules.metacopy && rules.overlay !== undefined) {
      upper.truncate(path, found.stat.size);
      setMetacopy(upper, path, true, rules.overlay);
    } else if (needed !== "nothing") copyContent(writing, path, found);
    upper.setAttributes(path, timesOf(found.stat));
    if (rules.overlay === undefined && found.stat.nlink > 1) {
      rememberLinks(writing, path, stack.pseudoLink(found.at, found.stat));
    }
  });
}

/** The first write to a file of which only the attributes are here. Unlike a whole copy-up, the kernel lets it set the time. */
function fillMetacopy(writing: Writing, path: ByteString, found: FoundOther, needed: Needed): void {
  const { upper, rules } = writing;
  if (rules.overlay === undefined) return;
  if (needed === "all") copyContent(writing, path, found);
  else upper.truncate(path, 0);
  setMetacopy(upper, path, false, rules.overlay);
}

function copyContent({ stack, upper }: Writing, path: ByteString, found: FoundOther): void {
  for (let at = 0; ;) {
    const bytes = stack.read(found, at, chunkSize);
    if (bytes.length === 0) return;
    upper.write(path, at, bytes);
    at += bytes.length;
  }
}

/** AUFS: further names of the file in the lower branch must lead to the copy (aufs.5, "pseudo link"). */
function rememberLinks(writing: Writing, path: ByteString, link: ByteString): void {
  const { upper } = writing;
  if (upper.stat(linksDirectory) === undefined) {
    const { mtime, mtimeNs } = upper.stat("") as NodeAttributes;
    const directory = { kind: "directory", mode: 0o700, uid: 0, gid: 0, mtime, mtimeNs } as const;
    keepingTime(writing, "", () => upper.create(linksDirectory, directory));
  }
  upper.link(path, link);
}

function nodeOf({ stack, marks }: Writing, found: Found): NewNode {
  const { kind, mode, uid, gid, mtime, mtimeNs, rdevMajor, rdevMinor } = found.stat;
  const target = kind === "symlink" ? { target: stack.readLink(found) } : {};
  const xattrs = new Map([...stack.xattrs(found)].map(([name, value]) => [marks.storedXattr(name), value]));
  return { kind, mode, uid, gid, mtime, mtimeNs, rdevMajor, rdevMinor, xattrs, ...target };
}

function timesOf({ mtime, mtimeNs }: NodeAttributes): Pick<NodeAttributes, "mtime" | "mtimeNs"> {
  return { mtime, mtimeNs };
}

/** A copy-up is no change of its directory, whose time it leaves alone. */
function keepingTime({ upper }: Writing, directory: ByteString, act: () => void): void {
  const before = upper.stat(directory);
  act();
  if (before !== undefined) upper.setAttributes(directory, timesOf(before));
}
