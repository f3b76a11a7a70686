/** Following symlinks inside a tree. */
import type { ByteString } from "../../byte_string.ts";
import type { SourceTree } from "./types.ts";

/** MAXSYMLINKS of the kernel (include/linux/namei.h). */
const maximumLinks = 40;

/**
 * `SourceTree.resolve` by the tree's own `stat` and `readLink`, as a process that has chrooted to its root would walk:
 * what the tree does not show, because it is ignored or lies outside, no symlink can reach.
 */
export function resolvePath(
  tree: Pick<SourceTree, "stat" | "readLink">,
  path: ByteString,
): ByteString | undefined {
  const trail: ByteString[] = [];
  let pending = partsOf(path);
  let links = 0;
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === "..") {
      trail.pop();
      continue;
    }
    const here = [...trail, name].join("/");
    const kind = tree.stat(here)?.kind;
    if (kind === undefined) return undefined;
    if (kind === "symlink") {
      if (++links > maximumLinks) return undefined;
      const target = tree.readLink(here);
      if (target.startsWith("/")) trail.length = 0;
      pending = [...partsOf(target), ...pending];
    } else if (kind === "directory" || pending.length === 0) trail.push(name);
    else return undefined;
  }
  return trail.join("/");
}

function partsOf(path: ByteString): ByteString[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
