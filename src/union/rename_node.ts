/** Renaming (behaviours B036-B038; kernel fs/namei.c vfs_rename and fs/overlayfs/dir.c ovl_rename). */
import { copyUp, copyUpDirectory } from "./copy_up.ts";
import { setRedirect } from "./overlay_marks.ts";
import type { Taken } from "./read_view.ts";
import { redirectPath } from "./redirect_path.ts";
import { UnionError } from "./union_error.ts";
import type { Place } from "./walk_path.ts";
import { clearMarks, isBelow, isInUpper, isMerged, type Writing } from "./writing.ts";

/**
 * Moves what is at `from` to `to`, replacing a file or an empty directory there.
 * @throws UnionError EXDEV for a directory that lower branches have a part in, unless redirects are on; ENOTDIR,
 * EISDIR, ENOTEMPTY, EINVAL as rename(2)
 */
export function renameNode(writing: Writing, from: Taken, to: Place): void {
  if (isSameFile(writing, from, to)) return;
  checkKinds(from, to);
  checkCanMove(writing, from);
  const replaced = to.found?.parts === undefined ? undefined : to.found;
  // The kernel leaves this question to the upper branch where no other has a say, and asks it last: by then the
  // source is copied up and marked.
  const late = replaced !== undefined && isInUpper(writing.stack, replaced, to.path) && !isMerged(replaced);
  if (!late) checkEmpty(writing, to);
  prepare(writing, from, to);
  if (late) checkEmpty(writing, to);
  move(writing, from, to);
}

function checkEmpty({ stack }: Writing, { found, path }: Place): void {
  if (found?.parts === undefined || stack.list(found.parts).length === 0) return;
  throw new UnionError("ENOTEMPTY", "rename", path);
}

/** Two names of one file: POSIX says that rename(2) then does nothing. */
function isSameFile({ stack, upper }: Writing, from: Taken, to: Place): boolean {
  if (from.path === to.path) return true;
  if (to.found === undefined) return false;
  // Names that are linked in a lower branch are files of their own here: copying up would part them (B041).
  if (!isInUpper(stack, from.found, from.path) || !isInUpper(stack, to.found, to.path)) return false;
  return upper.stat(from.path)?.ino === upper.stat(to.path)?.ino;
}

function checkKinds(from: Taken, to: Place): void {
  const fail = (code: "EINVAL" | "ENOTEMPTY" | "ENOTDIR" | "EISDIR"): never => {
    throw new UnionError(code, "rename", from.path);
  };
  if (to.path.startsWith(`${from.path}/`)) fail("EINVAL");
  if (from.path.startsWith(`${to.path}/`)) fail("ENOTEMPTY");
  if (to.found === undefined) return;
  if (from.found.parts !== undefined && to.found.parts === undefined) fail("ENOTDIR");
  if (from.found.parts === undefined && to.found.parts !== undefined) fail("EISDIR");
}

function checkCanMove({ stack, rules }: Writing, { found, path }: Taken): void {
  if (rules.redirectDir || found.parts === undefined) return;
  if (!isInUpper(stack, found, path) || isMerged(found)) throw new UnionError("EXDEV", "rename", path);
}

/** Gets both ends into the upper branch, and marks what is to be moved. */
function prepare(writing: Writing, from: Taken, to: Place): void {
  const { upper, marks, rules } = writing;
  copyUp(writing, from, "attributes");
  const parent = copyUpDirectory(writing, to.parentPath);
  const isDirectory = from.found.parts !== undefined;
  const continues = isDirectory ? isMerged(from.found) : marks.isMetacopy(upper, from.path);
  if (continues && rules.overlay !== undefined) {
    setRedirect(
      upper,
      from.path,
      redirectPath(writing, from.path, needsPath(writing, from, to)),
      rules.overlay,
    );
  } else if (isDirectory && !marks.isOpaque(upper, from.path) && isMerged(parent)) {
    // Below its new name may lie something that it must not merge with.
    marks.opaque(upper, from.path);
  }
}

function move(writing: Writing, from: Taken, to: Place): void {
  const { stack, upper, marks } = writing;
  makeRoom(writing, to);
  upper.rename(from.path, to.path);
  if (isBelow(stack, from.parent, from.name)) marks.whiteout(upper, from.path);
}

/**
 * Whether a redirect must be a path from the root: also for a file that has other names in the layer which it was
 * copied up from (ovl_need_absolute_redirect).
 */
function needsPath({ stack }: Writing, from: Taken, to: Place): boolean {
  if (from.parentPath !== to.parentPath) return true;
  const { found } = from;
  if (found.parts !== undefined) return false;
  const lower = found.at.layer > 0 ? found : stack.lowerOf(from.parent, from.name, found.at);
  return lower !== undefined && lower.stat.nlink > 1;
}

function makeRoom(writing: Writing, { path, found }: Place): void {
  const { stack, upper, marks } = writing;
  if (found === undefined) {
    if (marks.isWhiteout(upper, path)) marks.removeWhiteout(upper, path);
  } else if (found.parts !== undefined && isInUpper(stack, found, path)) clearMarks(writing, path);
}
