/**
 * The word for what a `COPY` or `ADD` copies, in the history texts of Docker's old builder and therefore in its cache
 * (moby 20.10, builder/dockerfile/copy.go; builder/remotecontext/archive.go and lazycontext.go).
 */
import { createHash } from "node:crypto";
import type { ByteString } from "../../byte_string.ts";
import { toText } from "../../byte_string.ts";
import type { ByteSource } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import type { SourceStat, SourceTree } from "../source/types.ts";
import type { OwnerNames } from "./owner_names.ts";
import { resolveInScope } from "./resolve_in_scope.ts";
import { headerOf, tarsum } from "./tarsum.ts";

/**
 * What the files lie in. A context was sent as a tar by Docker's command, whose headers decide: hard links are links
 * there, and before version 24 the mode had the bits of the type. An image is looked at where dockerd has it mounted,
 * and owners have the names that the machine's users have.
 */
export type SourceOrigin =
  | { readonly kind: "context"; readonly before24?: boolean }
  | { readonly kind: "mounted"; readonly names: OwnerNames };

export interface CopySourceOptions {
  readonly origin: SourceOrigin;
  readonly signal: AbortSignal;
}

/**
 * `file:<hex>` or `dir:<hex>` of each source.
 * @param sources paths in the tree with wildcards already resolved, in the order of the instruction (the matches of one
 *   wildcard in the order of a walk by names). Symlinks in them are followed.
 * @throws Failure("not-found") with Docker's text after `COPY failed: `
 */
export async function copySourceWords(
  tree: SourceTree,
  sources: readonly ByteString[],
  options: CopySourceOptions,
): Promise<string[]> {
  const sums = new Sums(tree, options);
  const words: string[] = [];
  for (const source of sources) words.push(await wordOf(tree, sums, source, options));
  return words;
}

/**
 * The word for all sources of an instruction, {@link downloadText}s among them in their places: that of the only one, or
 * `multi:<hex>`.
 * @throws Failure("invalid") if there is none, with Docker's text after `COPY failed: `
 */
export function joinSourceWords(words: readonly string[]): string {
  const [first] = words;
  if (first === undefined) throw new Failure("invalid", "no source files were specified");
  return words.length === 1 ? first : `multi:${digestOfList(words)}`;
}

/** Both, for an instruction whose sources all lie in one tree. */
export async function copySourceText(
  tree: SourceTree,
  sources: readonly ByteString[],
  options: CopySourceOptions,
): Promise<string> {
  return joinSourceWords(await copySourceWords(tree, sources, options));
}

/**
 * The word for what `ADD` downloaded: the digest alone. The builder puts it into a file of its own first.
 * @param file.name last part of the URL's path, "" if it has none
 * @param file.size bytes
 * @param names of this machine
 */
export async function downloadText(
  file: { readonly name: ByteString; readonly size: number; readonly content: ByteSource },
  names: OwnerNames,
): Promise<string> {
  const { size, content } = file;
  const name = file.name === "" ? "__unnamed__" : file.name;
  const owner = { uid: 0, gid: 0, userName: names.user(0), groupName: names.group(0) };
  const device = { devMajor: 0, devMinor: 0 };
  const hash = tarsum({ name, mode: 0o100600, size, type: "0", linkName: "", ...owner, ...device });
  for await (const chunk of content) hash.update(chunk);
  return hash.digest("hex");
}

async function wordOf(
  tree: SourceTree,
  sums: Sums,
  source: ByteString,
  { origin }: CopySourceOptions,
): Promise<string> {
  const path = resolveInScope(tree, source);
  const stat = path === undefined ? undefined : tree.stat(path);
  if (path === undefined || stat === undefined) {
    const where =
      origin.kind === "mounted" ? "" : "file not found in build context or excluded by .dockerignore: ";
    throw new Failure("not-found", `${where}stat ${toText(source)}: file does not exist`);
  }
  if (stat.kind !== "directory") return `file:${await sums.of(path, stat)}`;
  const found: string[] = [];
  for (const [below, each] of walk(tree, path, stat)) {
    const sum = await (each.kind === "symlink" ? sums.ofTarget(below) : sums.of(below, each));
    if (sum !== undefined) found.push(sum);
  }
  return `dir:${digestOfList(found.sort())}`;
}

/** The directory itself, unless it is the root, and all below it. Symlinks are not followed. */
function* walk(
  tree: SourceTree,
  path: ByteString,
  stat: SourceStat,
): Generator<readonly [path: ByteString, stat: SourceStat]> {
  if (path !== "") yield [path, stat];
  if (stat.kind !== "directory") return;
  for (const name of tree.readdir(path)) {
    const below = path === "" ? name : `${path}/${name}`;
    const found = tree.stat(below);
    if (found !== undefined) yield* walk(tree, below, found);
  }
}

function digestOfList(words: readonly string[]): string {
  return createHash("sha256").update(words.join(","), "latin1").digest("hex");
}

/** A file up to this many bytes is read at once. */
const smallFile = 1 << 20;

/** Checksums of a tree's files. */
class Sums {
  readonly #tree: SourceTree;
  readonly #options: CopySourceOptions;
  #firstNames: ReadonlyMap<string, ByteString> | undefined;

  constructor(tree: SourceTree, options: CopySourceOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  /**
   * Of the file to which a symlink leads. Where it leads nowhere, Docker takes a path for a checksum. Undefined: what
   * Docker leaves out, sockets and symlinks that lead in circles.
   */
  async ofTarget(link: ByteString): Promise<string | undefined> {
    const path = resolveInScope(this.#tree, link);
    if (path === undefined) return undefined;
    const stat = this.#tree.stat(path);
    const mounted = this.#options.origin.kind === "mounted";
    if (stat === undefined) return mounted ? path : link;
    // The tar of a context has no entry for the root.
    return path === "" && !mounted ? link : this.of(path, stat);
  }

  /** Of the file at a path without symlinks. Undefined: a socket. */
  async of(path: ByteString, stat: SourceStat): Promise<string | undefined> {
    if (stat.kind === "socket") return undefined;
    // Docker's command does not send what is ignored, so there is no header to sum.
    if (stat.implied === true) return path;
    const { origin, signal } = this.#options;
    const header = headerOf(path === "" ? "." : path, stat, {
      typeBits: origin.kind === "mounted" || origin.before24 === true,
      names: origin.kind === "mounted" ? origin.names : undefined,
      capability: stat.kind === "file" ? this.#tree.xattrs(path).get("security.capability") : undefined,
    });
    const first = origin.kind === "mounted" ? path : this.#firstNameOf(path, stat);
    if (first !== path) return tarsum({ ...header, type: "1", size: 0, linkName: first }).digest("hex");
    const hash = tarsum(header);
    if (stat.kind !== "file" || stat.size === 0) return hash.digest("hex");
    if (stat.size <= smallFile) return hash.update(this.#tree.read(path)).digest("hex");
    for await (const chunk of this.#tree.open(path, signal)) hash.update(chunk);
    return hash.digest("hex");
  }

  /** The name under which the tar of the context has the file's content: the first in a walk of all of it. */
  #firstNameOf(path: ByteString, { inode, kind }: SourceStat): ByteString {
    if (inode === undefined || kind === "directory") return path;
    this.#firstNames ??= firstNames(this.#tree);
    return this.#firstNames.get(inode) ?? path;
  }
}

function firstNames(tree: SourceTree): Map<string, ByteString> {
  const names = new Map<string, ByteString>();
  const root = tree.stat("");
  if (root === undefined) return names;
  for (const [path, { inode, kind }] of walk(tree, "", root)) {
    if (inode !== undefined && kind !== "directory" && !names.has(inode)) names.set(inode, path);
  }
  return names;
}
