/** Paths inside a layer: relative to its root, `/`-separated, without `.`, `..` and empty parts; the root is "". */
import { type ByteString, toText } from "../byte_string.ts";
import { Failure } from "../errors.ts";

/** PATH_MAX (linux/limits.h) with its NUL: no system call takes a longer path. Bytes. */
const maximumPath = 4095;
/** NAME_MAX (linux/limits.h). Bytes. */
const maximumName = 255;

// Matches whatever needs work: a leading, double or trailing slash, or a part that is "." or "..".
const untidy = /^\/|\/\/|\/$|(?:^|\/)\.{1,2}(?:\/|$)|\0/;

/**
 * A tar's spelling of a path as a path inside the layer. `..` is taken away with the part before it and stops at the
 * root, so that `../evil` and `/evil` are both `evil` (behaviours B013): the same rule as Docker's `filepath.Clean`
 * below a root.
 * @throws Failure("invalid") for a NUL byte, a path over 4095 bytes or a name over 255
 */
export function layerPath(path: ByteString): ByteString {
  const tidy = untidy.test(path) ? tidied(path) : path;
  if (tidy.length > maximumName) checkLength(tidy);
  return tidy;
}

function tidied(path: ByteString): ByteString {
  if (path.includes("\0")) {
    throw new Failure("invalid", `path ${JSON.stringify(toText(path))} in the layer contains a NUL byte`);
  }
  const parts: ByteString[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

function checkLength(path: ByteString): void {
  if (path.length > maximumPath) {
    throw new Failure(
      "invalid",
      `path ${shown(path)} in the layer has ${path.length} bytes, over ${maximumPath}`,
    );
  }
  for (const part of path.split("/")) {
    if (part.length <= maximumName) continue;
    throw new Failure(
      "invalid",
      `name ${shown(part)} in the layer has ${part.length} bytes, over ${maximumName}`,
    );
  }
}

/** The directory of a path: "" for the root and what lies in it. */
export function parentOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The last part of a path. */
export function nameOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? path : path.slice(slash + 1);
}

/** A path one level down. */
export function childOf(directory: ByteString, name: ByteString): ByteString {
  return directory === "" ? name : `${directory}/${name}`;
}

/** For messages: quoted, escaped, and not endless. */
export function shown(path: ByteString): string {
  const text = JSON.stringify(`/${toText(path)}`);
  return text.length > 200 ? `${text.slice(0, 200)}..."` : text;
}
