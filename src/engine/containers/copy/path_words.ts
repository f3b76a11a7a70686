/** What the spelling of a path says to `cp`: `a/` asks for a directory, `a/.` for its content. */
import { posix } from "node:path";

/** Whether the path can only mean a directory. */
export function asDirectory(path: string): boolean {
  return path.endsWith("/") || asContent(path);
}

/** Whether the path means a directory's content. */
export function asContent(path: string): boolean {
  return posix.basename(path) === ".";
}

/** The last name of the path; `.` for a directory's content. */
export function lastName(path: string): string {
  return asContent(path) ? "." : posix.basename(posix.join("/", path)) || ".";
}

/** Directory and last name; a path to a directory's content has `.` as its name (moby, archive.SplitPathDirEntry). */
export function splitLast(path: string): { readonly directory: string; readonly name: string } {
  const clean = posix.normalize(path).replace(/(?<=.)\/$/, "");
  if (asContent(path)) return { directory: clean, name: "." };
  return { directory: posix.dirname(clean), name: posix.basename(clean) };
}

/** `resolved`, which a link led to, with the spelling of the `path` that was asked for (moby, archive.GetRebaseName). */
export function spelledLike(path: string, resolved: string): string {
  if (asContent(path) && !asContent(resolved)) return `${resolved}/.`;
  return path.endsWith("/") && !resolved.endsWith("/") ? `${resolved}/` : resolved;
}

/** Absolute, from the working directory, with its last slash or dot kept. */
export function absolute(path: string): string {
  return spelledLike(path, posix.resolve(path));
}
