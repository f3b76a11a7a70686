/** Paths inside a branch: relative to its root, without `.`, `..` and empty parts; the root is "". */
import type { ByteString } from "../byte_string.ts";

/** A path one level down. */
export function childOf(directory: ByteString, name: ByteString): ByteString {
  return directory === "" ? name : `${directory}/${name}`;
}

/** The directory of a path: "" for what lies in the root. */
export function parentOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The last part of a path. */
export function nameOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? path : path.slice(slash + 1);
}

/** The parts of a path that a user spelled; `..` stays, for the walk to judge. */
export function partsOf(path: ByteString): ByteString[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** For sorting by bytes. */
export function byName(a: { readonly name: ByteString }, b: { readonly name: ByteString }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
