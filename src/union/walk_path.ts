/** From a path as a user spells it to a place in the merged tree. */
import type { ByteString } from "../byte_string.ts";
import type { Found, FoundDirectory, LayerStack } from "./layer_stack.ts";
import { childOf, partsOf } from "./path.ts";
import { UnionError } from "./union_error.ts";

/** Where a path leads: it may have nothing there yet, but its directory exists. */
export interface Place {
  /** Without any symlink; "" for the root. */
  readonly path: ByteString;
  readonly parent: FoundDirectory;
  readonly parentPath: ByteString;
  /** "" for the root. */
  readonly name: ByteString;
  readonly found: Found | undefined;
}

export interface WalkOptions {
  /** Whether a symlink at the end is followed; those on the way always are. */
  readonly follow: boolean;
  /** For messages. */
  readonly operation: string;
  /** Bytes of the longest name (default 255, NAME_MAX of linux/limits.h). */
  readonly nameMax?: number;
}

interface Step {
  readonly name: ByteString;
  readonly path: ByteString;
  readonly found: FoundDirectory;
}

/** MAXSYMLINKS of the kernel (include/linux/namei.h). */
const maximumLinks = 40;

/**
 * Walks as a process that has chrooted to the merged root would: absolute symlinks and `..` stay inside.
 * @throws UnionError ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG
 */
export function walkPath(stack: LayerStack, path: ByteString, options: WalkOptions): Place {
  const { follow, operation, nameMax = 255 } = options;
  const { root } = stack;
  const trail: Step[] = [];
  const last = (): Step => trail.at(-1) ?? { name: "", path: "", found: root };
  let pending = partsOf(path);
  let links = 0;
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === "..") {
      trail.pop();
      continue;
    }
    if (name.length > nameMax) throw new UnionError("ENAMETOOLONG", operation, path);
    const { found: parent, path: parentPath } = last();
    const found = stack.lookup(parent.parts, name);
    const place = { path: childOf(parentPath, name), parent, parentPath, name, found };
    const atEnd = pending.length === 0;
    if (found?.stat.kind === "symlink" && (follow || !atEnd)) {
      if (++links > maximumLinks) throw new UnionError("ELOOP", operation, path);
      const target = stack.readLink(found);
      if (target.startsWith("/")) trail.length = 0;
      pending = [...partsOf(target), ...pending];
    } else if (found?.parts !== undefined) trail.push({ name, path: place.path, found });
    else if (atEnd) return place;
    else throw new UnionError(found === undefined ? "ENOENT" : "ENOTDIR", operation, path);
  }
  const { name, path: real, found } = last();
  const above = trail.at(-2);
  return { path: real, parent: above?.found ?? root, parentPath: above?.path ?? "", name, found };
}
