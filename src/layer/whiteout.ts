/**
 * The tar spelling of "gone" and "nothing below shows through" (OCI image spec, layer.md, "Whiteouts"), and what
 * else begins with `.wh.`.
 */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { layerPath, nameOf, parentOf, shown } from "./layer_path.ts";

export const whiteoutPrefix = ".wh.";
export const opaqueName = ".wh..wh..opq";
/** AUFS keeps its own files under this prefix: `.wh..wh.plnk/`, `.wh..wh.aufs`, `.wh..wh.orph/`. */
export const bookkeepingPrefix = ".wh..wh.";

export type WhiteoutMark =
  /** `path` is gone. */
  | { readonly kind: "whiteout"; readonly path: ByteString }
  /** Nothing that lies below shows through in `path`. */
  | { readonly kind: "opaque"; readonly path: ByteString }
  /** AUFS' own; not part of the layer. */
  | { readonly kind: "bookkeeping" };

/**
 * What the name of a tar entry says, undefined for an ordinary one.
 * @param path as {@link layerPath} gives it
 * @throws Failure("invalid") for `.wh.`, `.wh..` and `.wh...`, which would name a directory itself or its parent
 */
export function readMark(path: ByteString): WhiteoutMark | undefined {
  if (!path.includes(whiteoutPrefix)) return undefined;
  const name = nameOf(path);
  if (path.startsWith(bookkeepingPrefix) && path !== opaqueName) return { kind: "bookkeeping" };
  if (!name.startsWith(whiteoutPrefix)) return undefined;
  if (name === opaqueName) return { kind: "opaque", path: parentOf(path) };
  // No such name can exist in a layer below, so there is nothing that this could hide.
  if (name.startsWith(bookkeepingPrefix)) return { kind: "bookkeeping" };
  const hidden = name.slice(whiteoutPrefix.length);
  if (hidden === "" || hidden === "." || hidden === "..") {
    throw new Failure("invalid", `invalid whiteout entry ${shown(path)}`);
  }
  const parent = parentOf(path);
  return { kind: "whiteout", path: parent === "" ? hidden : `${parent}/${hidden}` };
}

/**
 * Whether an entry's content will lie in the layer's directory under its own name. That of a whiteout, and of AUFS'
 * bookkeeping, will not.
 * @param path as the tar spells it
 * @throws Failure("invalid") for what no layer may hold
 */
export function keepsOwnContent(path: ByteString): boolean {
  const inLayer = layerPath(path);
  return inLayer !== "" && readMark(inLayer) === undefined;
}

/** The attribute by which overlayfs knows an opaque directory (kernel overlayfs.rst). */
export function opaqueAttribute(style: "overlay" | "overlay-user"): ByteString {
  return style === "overlay" ? "trusted.overlay.opaque" : "user.overlay.opaque";
}
