/** A tree without what a `.dockerignore` leaves out. */
import type { ByteString } from "../../byte_string.ts";
import type { ByteSource } from "../../bytes/index.ts";
import type { IgnoreMatcher } from "../../dockerfile/index.ts";
import { resolvePath } from "./resolve_path.ts";
import { childOf, missing } from "./source_path.ts";
import type { SourceStat, SourceTree } from "./types.ts";

/**
 * An ignored directory shows if an exception brings back anything below it, and then with that alone. The tree is
 * disposed with what is returned.
 */
export function withIgnored(tree: SourceTree, matcher: IgnoreMatcher): SourceTree {
  return new IgnoredSource(tree, matcher);
}

class IgnoredSource implements SourceTree {
  readonly name: string;
  readonly #tree: SourceTree;
  readonly #matcher: IgnoreMatcher;
  /** Ignored directories that were looked into. */
  readonly #holding = new Map<ByteString, boolean>();

  constructor(tree: SourceTree, matcher: IgnoreMatcher) {
    this.name = tree.name;
    this.#tree = tree;
    this.#matcher = matcher;
  }

  [Symbol.dispose](): void {
    this.#tree[Symbol.dispose]();
  }

  stat(path: ByteString): SourceStat | undefined {
    if (!this.#isShown(path)) return undefined;
    const stat = this.#tree.stat(path);
    return stat !== undefined && path !== "" && this.#matcher.isIgnored(path)
      ? { ...stat, implied: true }
      : stat;
  }

  resolve(path: ByteString): ByteString | undefined {
    return resolvePath(this, path);
  }

  readdir(path: ByteString): ByteString[] {
    return this.#shown(path)
      .readdir(path)
      .filter((name) => this.#isShown(childOf(path, name)));
  }

  readLink(path: ByteString): ByteString {
    return this.#shown(path).readLink(path);
  }

  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
    return this.#shown(path).xattrs(path);
  }

  open(path: ByteString, signal: AbortSignal): ByteSource {
    return this.#shown(path).open(path, signal);
  }

  read(path: ByteString): Uint8Array {
    return this.#shown(path).read(path);
  }

  async contentDigest(path: ByteString, signal?: AbortSignal): Promise<string> {
    return this.#shown(path).contentDigest(path, signal);
  }

  #shown(path: ByteString): SourceTree {
    if (this.#isShown(path)) return this.#tree;
    throw missing(path, this.name);
  }

  #isShown(path: ByteString): boolean {
    return path === "" || !this.#matcher.isIgnored(path) || this.#isHolding(path);
  }

  #isHolding(directory: ByteString): boolean {
    const known = this.#holding.get(directory);
    if (known !== undefined) return known;
    if (!this.#matcher.mayHoldIncluded(directory)) return false;
    const isHolding =
      this.#tree.stat(directory)?.kind === "directory" &&
      this.#tree.readdir(directory).some((name) => this.#isShown(childOf(directory, name)));
    this.#holding.set(directory, isHolding);
    return isHolding;
  }
}
