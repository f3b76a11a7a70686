/** New names: files, directories, links (behaviours B029, B035, B042). */
import { copyUp, copyUpDirectory } from "./copy_up.ts";
import { setRedirect } from "./overlay_marks.ts";
import { redirectPath } from "./redirect_path.ts";
import type { NewNode } from "./types.ts";
import type { Place } from "./walk_path.ts";
import { isMerged, type Writing } from "./writing.ts";

const setGroupId = 0o2000;

/** Makes `node` at `place`, where nothing is. */
export function makeNode(writing: Writing, place: Place, node: NewNode): void {
  const { upper, marks, rules } = writing;
  const parent = copyUpDirectory(writing, place.parentPath);
  const wasWhiteout = marks.isWhiteout(upper, place.path);
  if (wasWhiteout) marks.removeWhiteout(upper, place.path);
  upper.create(place.path, inherit(node, parent.stat));
  if (node.kind !== "directory") return;
  // What a whiteout hid must stay hidden. Elsewhere the kernel saves itself a lookup, but only where lower branches
  // may not be changed behind its back: with the newer features (ovl_allow_offline_changes in fs/overlayfs/super.c).
  const saves = rules.overlay !== undefined && (rules.redirectDir || rules.metacopy) && isMerged(parent);
  if (wasWhiteout || saves) marks.opaque(upper, place.path);
}

/** In a directory with the set-group-ID bit what is new gets the directory's group (inode(7)). */
function inherit(node: NewNode, { mode, gid }: { readonly mode: number; readonly gid: number }): NewNode {
  if ((mode & setGroupId) === 0) return node;
  return node.kind === "directory" ? { ...node, gid, mode: node.mode | setGroupId } : { ...node, gid };
}

/** Gives the file at `from` a second name; a lower file is copied up first, under its old one. */
export function makeLink(writing: Writing, from: Place, to: Place): void {
  const { upper, marks, rules } = writing;
  copyUp(writing, from, "attributes");
  copyUpDirectory(writing, to.parentPath);
  // The content of a metacopy is looked for under the name: both names must lead to the same one.
  if (rules.overlay !== undefined && marks.isMetacopy(upper, from.path)) {
    setRedirect(upper, from.path, redirectPath(writing, from.path, true), rules.overlay);
  }
  if (marks.isWhiteout(upper, to.path)) marks.removeWhiteout(upper, to.path);
  upper.link(from.path, to.path);
}
