/** Taking names away (behaviours B030-B032). */
import { copyUpDirectory } from "./copy_up.ts";
import { UnionError } from "./union_error.ts";
import type { Place } from "./walk_path.ts";
import { clearMarks, isBelow, isInUpper, type Writing } from "./writing.ts";

/**
 * Removes the file or the empty directory at `place`: what is in the upper branch goes, and a whiteout comes where a
 * lower one has the name.
 * @throws UnionError ENOTEMPTY
 */
export function removeNode(writing: Writing, place: Place, operation: string): void {
  const { stack, upper, marks } = writing;
  const { found, parentPath, path, name } = place;
  if (found === undefined) throw new UnionError("ENOENT", operation, path);
  if (found.parts !== undefined && stack.list(found.parts).length > 0) {
    throw new UnionError("ENOTEMPTY", operation, path);
  }
  const parent = copyUpDirectory(writing, parentPath);
  if (isInUpper(stack, found, path)) {
    if (found.parts !== undefined) clearMarks(writing, path);
    upper.remove(path);
  }
  if (isBelow(stack, parent, name)) marks.whiteout(upper, path);
}
