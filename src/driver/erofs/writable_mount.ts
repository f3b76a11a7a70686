/** The overlay of a container's layer over the layers and the image below it. */
import { existsSync } from "node:fs";
import { type ByteString, fromText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import * as sys from "../../sys/index.ts";
import { makeDirectory } from "../overlay_layout.ts";
import type { CacheId } from "../types.ts";
import type { ErofsLayout } from "./erofs_layout.ts";

export interface WritableMount {
  /** Where; the directory is made, and removed again if the mount fails. */
  readonly at: string;
  /** Paths of what lies below, nearest first. */
  readonly lowers: readonly string[];
  /** No upper layer: the layer's own directory becomes the first lower one. */
  readonly readOnly: boolean;
  /** In a user namespace overlayfs keeps its marks in `user.overlay.*` (Linux 5.11). */
  readonly userxattr: boolean;
}

/** Mounts `id` over `lowers`. Directories are given as descriptors' paths: no path is too long or oddly spelled. */
export function mountWritable(layout: ErofsLayout, id: CacheId, mount: WritableMount): void {
  const target = fromText(mount.at);
  makeDirectory(target, 0o700);
  try {
    sys.mount("overlay", target, "overlay", 0, optionsOf(layout, id, mount));
  } catch (error) {
    sys.unlinkAt(sys.AT_FDCWD, target, sys.AT_REMOVEDIR);
    if (!sys.isSysError(error)) throw error;
    const said = error.message.slice(error.message.indexOf(": ") + 2);
    throw new Failure(error.kind, `error creating overlay mount to ${mount.at}: ${said}`, { cause: error });
  }
}

function optionsOf(
  layout: ErofsLayout,
  id: CacheId,
  { lowers, readOnly, userxattr }: WritableMount,
): ByteString {
  const below = (readOnly ? [layout.diff(id), ...lowers] : lowers).map(escaped);
  const options = [`lowerdir=${below.join(":")}`];
  if (userxattr) options.unshift("userxattr");
  // Old kernels have no such option, and refuse it.
  if (existsSync("/sys/module/overlay/parameters/index")) options.unshift("index=off");
  if (!readOnly) options.push(`upperdir=${escaped(layout.diff(id))}`, `workdir=${escaped(layout.work(id))}`);
  return options.join(",");
}

/** The kernel splits at commas and colons, and takes a backslash before one as "not here" (overlayfs, ovl_next_opt). */
function escaped(path: string): ByteString {
  return fromText(path).replace(/[\\,:]/g, "\\$&");
}
