/** Where lower branches have what is at a path of the upper one (kernel overlayfs.rst, "redirect_dir"). */
import type { ByteString } from "../byte_string.ts";
import { nameOf, parentOf } from "./path.ts";
import type { Writing } from "./writing.ts";

/**
 * The redirect that `path` needs when it is going to be renamed.
 * @param absolute whether it moves to another directory: then the path from the root, by the names that lower branches
 * know, else the name alone
 */
export function redirectPath({ upper, marks }: Writing, path: ByteString, absolute: boolean): ByteString {
  const own = marks.redirect(upper, path);
  if (own !== undefined && (!absolute || own.startsWith("/"))) return own;
  if (!absolute) return nameOf(path);
  let result = "";
  for (let at = path; at !== ""; at = parentOf(at)) {
    const name = marks.redirect(upper, at) ?? nameOf(at);
    if (name.startsWith("/")) return name + result;
    result = `/${name}${result}`;
  }
  return result;
}
