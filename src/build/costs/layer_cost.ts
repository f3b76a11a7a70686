/** What one layer adds, copies and hides. */
import type { ByteString } from "../../byte_string.ts";
import type { LayerItem } from "./layer_item.ts";
import type { LowerNode, LowerTree } from "./lower_tree.ts";
import { type PackageCache, packageCacheOf } from "./package_caches.ts";
import { Tally } from "./tally.ts";
import type { Amount, CachedFiles, HiddenFiles } from "./types.ts";

export interface LayerCost {
  readonly added: Amount;
  readonly copied: Amount;
  readonly hidden: Amount;
  readonly hides: readonly HiddenFiles[];
  readonly caches: readonly CachedFiles[];
}

export interface LayerCostOptions {
  readonly below: LowerTree;
  /** Reads a file of the layer. */
  readonly read: (path: ByteString, offset: number, length: number) => Uint8Array;
  /** Line whose layer has this; undefined: the base image. */
  readonly lineOf: (node: LowerNode) => number | undefined;
  /** Names of files with several that have been hidden so far, kept between layers. */
  readonly links: Map<string, number>;
}

/** Bytes that are compared at once. */
const chunk = 1 << 20;

type How = HiddenFiles["how"];

/**
 * Takes the layer's items in any order, then {@link finish}. Its methods are generators, so that long work can be cut
 * into slices; what they yield means nothing.
 */
export class LayerCostMeter {
  readonly #options: LayerCostOptions;
  readonly #added = new Tally();
  readonly #copied = new Tally();
  readonly #hides = new Map<
    string,
    { readonly tally: Tally; readonly key: Omit<HiddenFiles, keyof Amount | "examples"> }
  >();
  readonly #caches = new Map<PackageCache, Tally>();
  /** Lower files that have been counted because something new stands in their place. */
  readonly #covered = new Set<ByteString>();
  /** Names whose lower content goes, with all below: judged last, as what comes in its place may come later. */
  readonly #gone: ByteString[] = [];

  constructor(options: LayerCostOptions) {
    this.#options = options;
  }

  *take(item: LayerItem): Generator<void, void, void> {
    const { path } = item;
    switch (item.kind) {
      case "gone":
      case "opaque":
        this.#gone.push(path);
        return;
      case "directory":
      case "other":
        this.#cover(path, item.kind === "directory");
        return;
      case "symlink":
        this.#added.add(item.size, path);
        this.#cover(path, false);
        return;
      case "file":
        yield* this.#file(path, item.size, item.again);
    }
  }

  /** Counts what was taken away. */
  *finish(): Generator<void, LayerCost, void> {
    for (const path of this.#gone) {
      const node = path === "" ? undefined : this.#options.below.find(path);
      if (node !== undefined && node.stat.kind !== "directory") this.#hide(node, "deleted");
      if (path !== "" && node?.stat.kind !== "directory") continue;
      for (const inside of this.#options.below.under(path)) {
        this.#hide(inside, "deleted");
        yield;
      }
    }
    const hides = [...this.#hides.values()].map(({ key, tally }) => ({ ...key, ...tally.listed }));
    const hidden = new Tally();
    for (const { tally } of this.#hides.values()) hidden.addAll(tally);
    const caches = [...this.#caches].map(([cache, tally]) => ({ cache, ...tally.listed }));
    const { amount: added } = this.#added;
    return { added, copied: this.#copied.amount, hidden: hidden.amount, hides, caches };
  }

  *#file(path: ByteString, size: number, again: boolean): Generator<void, void, void> {
    const cache = packageCacheOf(path);
    const lower = this.#options.below.find(path);
    const isCopy = lower?.stat.kind === "file" && !again && (yield* this.#isSame(lower, size));
    const bytes = again ? 0 : size;
    (isCopy ? this.#copied : this.#added).add(bytes, path);
    if (cache !== undefined) this.#tallyOf(cache).add(bytes, path);
    if (lower?.stat.kind === "directory") this.#gone.push(path);
    else if (lower !== undefined) this.#hide(lower, isCopy ? "copied" : "overwritten");
  }

  *#isSame(lower: LowerNode, size: number): Generator<void, boolean, void> {
    const { path, stat } = lower;
    if (stat.size !== size) return false;
    const { read } = this.#options;
    for (let at = 0; at < size; at += chunk) {
      const length = Math.min(chunk, size - at);
      if (Buffer.compare(read(path, at, length), lower.read(at, length)) !== 0) return false;
      yield;
    }
    return true;
  }

  /** Something that is no file stands where lower layers may have something. */
  #cover(path: ByteString, isDirectory: boolean): void {
    const lower = this.#options.below.find(path);
    if (lower === undefined) return;
    if (lower.stat.kind !== "directory") this.#hide(lower, "overwritten");
    else if (!isDirectory) this.#gone.push(path);
  }

  #hide(node: LowerNode, how: How): void {
    const { path, stat } = node;
    if ((stat.kind !== "file" && stat.kind !== "symlink") || this.#covered.has(path)) return;
    this.#covered.add(path);
    const [line, cache] = [this.#options.lineOf(node), packageCacheOf(path)];
    const key = { how, ...(line !== undefined && { line }), ...(cache !== undefined && { cache }) };
    const name = JSON.stringify(key);
    const group = this.#hides.get(name) ?? { key, tally: new Tally() };
    this.#hides.set(name, group);
    group.tally.add(this.#isLastName(node) ? stat.size : 0, path);
  }

  /** The bytes of a file are lost only with the last of its names. */
  #isLastName({ stat, layer }: LowerNode): boolean {
    if (stat.kind !== "file" || stat.nlink < 2) return true;
    const key = `${layer} ${stat.ino}`;
    const names = (this.#options.links.get(key) ?? 0) + 1;
    this.#options.links.set(key, names);
    return names === stat.nlink;
  }

  #tallyOf(cache: PackageCache): Tally {
    const tally = this.#caches.get(cache) ?? new Tally();
    this.#caches.set(cache, tally);
    return tally;
  }
}
