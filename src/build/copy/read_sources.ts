/** What the paths and wildcards of an instruction lead to. */
import { type ByteString, toText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import type { SourceTree } from "../source/types.ts";
import type { CopyItem, CopySource } from "./copy_source.ts";
import { findPaths, insideTree } from "./find_paths.ts";
import { joinPath, splitPath } from "./join_path.ts";
import { hasWildcard } from "./match_name.ts";
import { readDirectory, readItem, type ReadItemsOptions } from "./read_items.ts";

/**
 * `COPY` without `--parents`: files by their own names, directories by what they hold; symlinks that are named are
 * followed. A wildcard that matches nothing gives nothing.
 * Throws `Failure("not-found")` in Docker's words, without `COPY failed: ` (behaviours B078).
 */
export function* readSource(options: ReadItemsOptions, source: string): Generator<CopySource> {
  const { tree, excluded } = options;
  const pattern = insideTree(source);
  const isWild = hasWildcard(pattern);
  for (const path of findPaths(tree, pattern)) {
    const real = tree.resolve(path);
    const stat = real === undefined ? undefined : tree.stat(real);
    if (real === undefined || stat === undefined) throw missing(tree, isWild ? toText(path) : source);
    const { name } = splitPath(path);
    const isDirectory = stat.kind === "directory";
    // A directory that is named itself is copied, whatever is excluded in it.
    const mayExclude = path !== "" && (isWild || !isDirectory);
    if (mayExclude && (excluded?.isIgnored(path) === true || excluded?.isIgnored(name) === true)) continue;
    if (isDirectory) {
      yield { kind: "directory", path: real, items: [...readDirectory(options, real, "")] };
      continue;
    }
    const item = readItem(options, real, name, stat);
    // To read a device or a FIFO might never end.
    if (item?.kind !== "file")
      throw new Failure("unsupported", `${toText(path)} is a ${stat.kind}, not a file`);
    yield { kind: "file", path, item };
  }
}

/**
 * `COPY --parents`: what the paths lead to with the directories that lead there, from the source's `/./` on. Nothing is
 * followed but what leads to that point. (As BuildKit, dockerfile2llb `dispatchCopy`.)
 * Throws as `readSource` does.
 */
export function* readWithParents(options: ReadItemsOptions, source: string): Generator<CopySource> {
  const { tree } = options;
  const pivot = source.indexOf("/./");
  const [before, after] = pivot < 0 ? ["", source] : [source.slice(0, pivot), source.slice(pivot + 3)];
  const pattern = insideTree(after);
  for (const base of findPaths(tree, insideTree(before))) {
    const root = tree.resolve(base);
    if (root === undefined || tree.stat(root)?.kind !== "directory") throw missing(tree, source);
    const items = new Map<ByteString, CopyItem>();
    for (const name of findPaths(tree, pattern, { root, deep: true })) {
      if (tree.stat(joinPath(root, name)) === undefined) throw missing(tree, source);
      // It came with a directory that matches as well.
      if (!items.has(name)) addWithParents(items, options, root, name);
    }
    if (items.size > 0) yield { kind: "directory", path: root, items: [...items.values()] };
  }
}

function addWithParents(
  items: Map<ByteString, CopyItem>,
  options: ReadItemsOptions,
  root: ByteString,
  name: ByteString,
): void {
  const { tree, excluded } = options;
  const add = (item: CopyItem | undefined): void => void (item && items.set(item.name, item));
  const parts = name === "" ? [] : name.split("/");
  const found: CopyItem[] = [];
  for (let depth = 1; depth <= parts.length; depth++) {
    const below = parts.slice(0, depth).join("/");
    const stat = tree.stat(joinPath(root, below));
    const item = stat && readItem(options, joinPath(root, below), below, stat);
    if (item !== undefined) found.push(item);
  }
  const last = found.at(-1);
  const inner =
    name === "" || last?.kind === "directory" ? readDirectory(options, joinPath(root, name), name) : [];
  if (name !== "" && excluded?.isIgnored(name) === true) {
    const held = [...inner];
    if (held.length > 0) [...found, ...held].forEach(add);
    return;
  }
  found.forEach(add);
  for (const item of inner) add(item);
}

function missing(tree: SourceTree, source: string): Failure {
  const shown = source.replace(/^\//, "").replace(/^\.\//, "");
  const stat = `stat ${shown}: file does not exist`;
  if (tree.name !== "context") return new Failure("not-found", stat);
  return new Failure("not-found", `file not found in build context or excluded by .dockerignore: ${stat}`);
}
