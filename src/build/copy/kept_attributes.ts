/** Extended attributes that an image carries. */
import type { ByteString } from "../../byte_string.ts";

/**
 * Those that mean the same on every machine; undefined where there are none. overlayfs' own would let a source redirect
 * or hide what lies below the layer (kernel, overlayfs.rst).
 */
export function keptAttributes(
  xattrs: ReadonlyMap<ByteString, Uint8Array> | undefined,
): Map<ByteString, Uint8Array> | undefined {
  if (xattrs === undefined || xattrs.size === 0) return undefined;
  const kept = new Map([...xattrs].filter(([name]) => isKept(name)));
  return kept.size === 0 ? undefined : kept;
}

function isKept(name: ByteString): boolean {
  return name === "security.capability" || (name.startsWith("user.") && !name.startsWith("user.overlay."));
}
