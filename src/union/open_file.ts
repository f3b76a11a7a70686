/** `open(2)` on the merged view. */
import type { ByteString } from "../byte_string.ts";
import { copyUp } from "./copy_up.ts";
import { makeNode } from "./make_node.ts";
import type { NewNode } from "./types.ts";
import { UnionError } from "./union_error.ts";
import type { Place } from "./walk_path.ts";
import type { Writing } from "./writing.ts";

/** O_RDONLY where nothing is said. */
export interface OpenFlags {
  readonly write?: boolean;
  readonly append?: boolean;
  readonly create?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
  readonly directory?: boolean;
  readonly noFollow?: boolean;
}

/**
 * A file by its name: what is read is what the union has under it by then. That is how the kernel behaves after
 * somebody else's copy-up since Linux 4.19 (behaviours B050), but unlike a descriptor it ends with the name.
 */
export interface OpenFile {
  /** Without any symlink. */
  readonly path: ByteString;
  read(offset?: number, length?: number): Uint8Array;
  /** @param offset default: over the beginning, or at the end if opened with `append` */
  write(bytes: Uint8Array, offset?: number): void;
}

/** Everything that opening does to the tree. @throws UnionError as open(2) */
export function openNode(place: Place, flags: OpenFlags, writing: () => Writing, node: NewNode): void {
  const { found, path } = place;
  const changes = flags.write === true || flags.append === true || flags.truncate === true;
  const fail = (code: "ENOENT" | "EEXIST" | "ELOOP" | "ENOTDIR" | "EISDIR"): never => {
    throw new UnionError(code, "open", path);
  };
  if (found === undefined) {
    if (flags.create !== true) return fail("ENOENT");
    return makeNode(writing(), place, node);
  }
  if (flags.create === true && flags.exclusive === true) fail("EEXIST");
  if (found.stat.kind === "symlink") fail(flags.directory === true ? "ENOTDIR" : "ELOOP");
  if (found.parts !== undefined) return changes || flags.create === true ? fail("EISDIR") : undefined;
  if (flags.directory === true) fail("ENOTDIR");
  // Devices and FIFOs are written through, not to.
  if (!changes || found.stat.kind !== "file") return;
  const ready = writing();
  copyUp(ready, place, flags.truncate === true ? "nothing" : "all");
  if (flags.truncate === true) ready.upper.truncate(path, 0);
}
