/** Where a path leads, as Docker's builder finds it (moby/sys/symlink, `FollowSymlinkInScope`). */
import type { ByteString } from "../../byte_string.ts";
import type { SourceTree } from "../source/types.ts";

/** Docker's bound on components walked, so on symlinks followed. */
const maximumWalk = 255;

/**
 * The path without symlinks; "" is the root. Nothing leads out: `..` stops at the root, absolute targets start there.
 * What does not exist is taken as written, which makes this differ from `tree.resolve`: Docker puts the place where a
 * dangling symlink would lead into its checksums. Undefined: it goes round in circles or through a file.
 */
export function resolveInScope(
  tree: Pick<SourceTree, "stat" | "readLink">,
  path: ByteString,
): ByteString | undefined {
  const left = path.split("/").reverse();
  let reached: ByteString[] = [];
  for (let walked = 0; left.length > 0; walked++) {
    if (walked > maximumWalk) return undefined;
    const part = left.pop() as string;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      reached.pop();
      continue;
    }
    const next = [...reached, part];
    const stat = tree.stat(next.join("/"));
    if (stat === undefined && passesThroughFile(tree, reached)) return undefined;
    if (stat?.kind !== "symlink") {
      reached = next;
      continue;
    }
    const target = tree.readLink(next.join("/"));
    if (target.startsWith("/")) reached = [];
    left.push(...target.split("/").reverse());
  }
  return reached.join("/");
}

function passesThroughFile(tree: Pick<SourceTree, "stat">, directory: readonly ByteString[]): boolean {
  const stat = directory.length === 0 ? undefined : tree.stat(directory.join("/"));
  return stat !== undefined && stat.kind !== "directory";
}
