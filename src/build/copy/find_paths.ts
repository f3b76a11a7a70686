/** Which paths of a tree the sources of an instruction name. */
import { type ByteString, fromText } from "../../byte_string.ts";
import type { SourceTree } from "../source/types.ts";
import { joinPath } from "./join_path.ts";
import { hasWildcard, nameMatcher } from "./match_name.ts";

/**
 * The path in the tree that `source` means: from the root, whatever it begins with, and `..` does not lead out of it
 * (moby, `ResolveScopedPath`).
 */
export function insideTree(source: string): string {
  const parts: string[] = [];
  for (const part of source.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Whether `..` leads out of the tree, where {@link insideTree} stops it. */
export function leavesTree(source: string): boolean {
  let depth = 0;
  for (const part of source.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}

/** The paths that one source of an instruction names, in the order of a walk. */
export function resolvedSources(tree: SourceTree, source: string): ByteString[] {
  return findPaths(tree, insideTree(source));
}

export interface FindOptions {
  /** The directory that the pattern and what is found begin in; default: the tree's root. */
  readonly root?: ByteString;
  /** Whether a part `**` stands for any number of directories. */
  readonly deep?: boolean;
}

/**
 * All paths that match, in the order of a walk: each directory right before what it holds. Symlinks are not followed. A
 * path without a wildcard is itself, whether or not it is there.
 * @param pattern as `insideTree` gives it
 */
export function findPaths(
  tree: SourceTree,
  pattern: string,
  { root = "", deep = false }: FindOptions = {},
): ByteString[] {
  if (!hasWildcard(pattern)) return [fromText(pattern)];
  const parts = pattern.split("/").map((part) => (deep && part === "**" ? "deep" : nameMatcher(part)));
  const found: ByteString[] = [];
  const walk = (directory: ByteString, states: ReadonlySet<number>): void => {
    for (const name of tree.readdir(joinPath(root, directory))) {
      const path = joinPath(directory, name);
      const next = advance(parts, states, name);
      if (next.has(parts.length)) found.push(path);
      next.delete(parts.length);
      if (next.size > 0 && tree.stat(joinPath(root, path))?.kind === "directory") walk(path, next);
    }
  };
  walk("", skipDeep(parts, new Set([0])));
  return found;
}

type Part = "deep" | ((name: ByteString) => boolean);

/** States are places in the pattern: how many of its parts the path has used up. */
function advance(parts: readonly Part[], states: ReadonlySet<number>, name: ByteString): Set<number> {
  const next = new Set<number>();
  for (const state of states) {
    const part = parts[state];
    if (part === "deep") next.add(state);
    else if (part?.(name) === true) next.add(state + 1);
  }
  return skipDeep(parts, next);
}

/** `**` may stand for no directory at all; at the end it stands for all that is below. */
function skipDeep(parts: readonly Part[], states: Set<number>): Set<number> {
  for (const state of states) if (parts[state] === "deep") states.add(state + 1);
  return states;
}
