/** Paths without slashes at their ends; "" is a root. */
import type { ByteString } from "../../byte_string.ts";

export function joinPath(directory: ByteString, name: ByteString): ByteString {
  if (directory === "") return name;
  return name === "" ? directory : `${directory}/${name}`;
}

/** The directory that holds it, and its name there. */
export function splitPath(path: ByteString): { readonly directory: ByteString; readonly name: ByteString } {
  const slash = path.lastIndexOf("/");
  return { directory: path.slice(0, Math.max(0, slash)), name: path.slice(slash + 1) };
}
