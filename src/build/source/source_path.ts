/** Paths inside a source tree. */
import { type ByteString, toText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";

/** PATH_MAX of linux/limits.h, less the NUL: nothing longer could be made in a container. */
export const longestPath = 4095;

/** NAME_MAX. */
export const longestName = 255;

// eslint-disable-next-line no-control-regex
const odd = /(?:^|\/)\.{0,2}(?:\/|$)|\0/;

/** Whether the path has names only, none too long: no `.`, `..`, empty part or NUL byte. The root, "", counts. */
export function isPlain(path: ByteString): boolean {
  if (path === "") return true;
  if (path.length > longestName && isTooLong(path)) return false;
  return !odd.test(path);
}

function isTooLong(path: ByteString): boolean {
  return path.length > longestPath || path.split("/").some((name) => name.length > longestName);
}

export function childOf(directory: ByteString, name: ByteString): ByteString {
  return directory === "" ? name : `${directory}/${name}`;
}

export function parentOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

export function nameOf(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function missing(path: ByteString, tree: string): Failure {
  return new Failure("not-found", `there is no ${shown(path)} in ${tree}`);
}

export function notThat(path: ByteString, tree: string, wanted: string): Failure {
  return new Failure("invalid", `${shown(path)} in ${tree} is no ${wanted}`);
}

export function changed(path: ByteString, tree: string): Failure {
  return new Failure("conflict", `${shown(path)} in ${tree} changed while it was read`, {
    hint: "Run the build again when nothing writes to the file.",
  });
}

function shown(path: ByteString): string {
  return JSON.stringify(`/${toText(path)}`);
}
