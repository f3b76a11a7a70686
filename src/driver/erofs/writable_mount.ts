/** The overlay of a container's layer over the layers and the image below it. */
import { type ByteString, fromText } from "../../byte_string.ts";
import * as sys from "../../sys/index.ts";
import { dropVolatileMark, mountData, overlayAt, type OverlayDialect } from "../overlay_mount.ts";
import type { CacheId } from "../types.ts";
import type { ErofsLayout } from "./erofs_layout.ts";

export interface WritableMount {
  /** Where; the directory is made, and removed again if the mount fails. */
  readonly at: string;
  /** Paths of what lies below, nearest first. */
  readonly lowers: readonly string[];
  /** No upper layer: the layer's own directory becomes the first lower one. */
  readonly readOnly: boolean;
  /** See `MountOptions`. */
  readonly volatile: boolean;
  readonly dialect: OverlayDialect;
}

/** Mounts `id` over `lowers`: few, since the image is one of them, so that their paths fit the page of options. */
export function mountWritable(layout: ErofsLayout, id: CacheId, mount: WritableMount): void {
  const { lowers, readOnly, volatile, dialect } = mount;
  if (!readOnly) dropVolatileMark(layout.work(id));
  const [diff, work] = [escaped(layout.diff(id)), escaped(layout.work(id))];
  const below = lowers.map(escaped);
  const parts = readOnly ? { lowers: [diff, ...below] } : { lowers: below, upper: diff, work, volatile };
  overlayAt(mount.at, (target) =>
    mountData((data) => sys.mount("overlay", target, "overlay", 0, data), { ...parts, ...dialect }),
  );
}

/** The kernel splits at commas and colons, unless a backslash stands before one (fs/overlayfs/params.c). */
function escaped(path: string): ByteString {
  return fromText(path).replace(/[\\,:]/g, "\\$&");
}
