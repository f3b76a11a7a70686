/** How Docker's first overlay driver made many layers for a file system that mounts one lower branch (behaviours B018). */
import type { ByteString } from "../byte_string.ts";
import { MemoryBranch } from "./memory_branch.ts";
import { ReadView } from "./read_view.ts";
import type { Branch, NewNode, NodeStat } from "./types.ts";
import { walkBranch } from "./walk_branch.ts";

/**
 * The root directory of every layer as the `overlay` driver kept it: a copy of the layer below in which files are hard
 * links, with the layer's own changes made in it. Mounting the last one alone shows the image.
 * @param layers uppermost first @returns uppermost first
 */
export function hardLinkLayers(layers: readonly Branch[]): MemoryBranch[] {
  const made: MemoryBranch[] = [];
  for (const layer of layers.toReversed()) made.unshift(onTop(layer, made[0]));
  return made;
}

function onTop(layer: Branch, below: MemoryBranch | undefined): MemoryBranch {
  const lowers = below === undefined ? [layer] : [layer, below];
  const view = new ReadView({ dialect: "overlay2", lowers });
  const whole = new MemoryBranch({ root: view.stat("") });
  // Files that are one file in their layer stay one.
  const firsts = new Map<string, ByteString>();
  for (const { path, stat, layers: from } of view.walk()) {
    const file = `${from[0]} ${stat.ino}`;
    const first = stat.nlink > 1 ? firsts.get(file) : undefined;
    if (first !== undefined) whole.link(first, path);
    else if (stat.kind === "file" && from[0] === 1 && below !== undefined) whole.adopt(below, path, path);
    else whole.create(path, nodeAt(view, path, stat));
    if (stat.kind !== "directory") firsts.set(file, path);
    const { mtime, mtimeNs } = stat;
    if (stat.kind === "directory") whole.setAttributes(path, { mtime, mtimeNs });
  }
  return whole;
}

function nodeAt(view: ReadView, path: ByteString, stat: NodeStat): NewNode {
  const { kind, mode, uid, gid, mtime, mtimeNs, rdevMajor, rdevMinor } = stat;
  return {
    kind,
    mode,
    uid,
    gid,
    mtime,
    mtimeNs,
    rdevMajor,
    rdevMinor,
    xattrs: view.xattrs(path, { follow: false }),
    ...(kind === "file" && { content: view.read(path) }),
    ...(kind === "symlink" && { target: view.readLink(path) }),
  };
}

/** Different inodes in all the branches together, their roots included: what running out of inodes is about. */
export function countInodes(branches: readonly Branch[]): number {
  const seen = new Set<NodeStat["ino"]>();
  for (const branch of branches) {
    const root = branch.stat("");
    if (root !== undefined) seen.add(root.ino);
    for (const [, stat] of walkBranch(branch)) seen.add(stat.ino);
  }
  return seen.size;
}
