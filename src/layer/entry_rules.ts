/** The rules by which a layer's tar is read, entry by entry, whatever is then made of the entries. */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import type { TarEntry } from "../tar/index.ts";
import { layerPath, shown } from "./layer_path.ts";
import { hidesItself } from "./refusals.ts";
import { readMark } from "./whiteout.ts";
import { isLinkSource } from "./whiteout_writer.ts";

export interface ApplyLimits {
  /** Entries in one layer (default 5,000,000): each costs about 100 bytes of memory until the layer is whole. */
  readonly entries?: number;
  /**
   * Whether a path may come again, so that the last of its name stays, as in an archive that is no layer (`tar -r`; moby,
   * archive.Untar). Default: it is refused, as tar-split does.
   */
  readonly repeats?: boolean;
}

const defaultEntries = 5_000_000;

/** What makes a layer of the entries. Paths are as {@link layerPath} gives them; none is the root. */
export interface LayerMaker {
  create(path: ByteString, entry: TarEntry): void;
  /** Hides what lies at `path` below this layer. */
  whiteout(path: ByteString, entry: TarEntry): void;
  /** Hides all that lies in `path` below this layer; "" is the root. */
  opaque(path: ByteString): void;
}

/**
 * Behaviours B013, B014, B043: each path once (but for `repeats`), no entry in the place of the root, marks told from names. AUFS'
 * bookkeeping is left out, except for the files to which its hard links lead: they exist until the layer is whole.
 */
export class EntryRules {
  readonly #limit: number;
  readonly #repeats: boolean;
  readonly #maker: LayerMaker;
  /** Paths of all entries so far, to find the second of a kind. */
  readonly #seen = new Set<ByteString>();
  #entries = 0;
  #hasLinkSources = false;

  constructor(maker: LayerMaker, limits: ApplyLimits) {
    this.#maker = maker;
    this.#limit = limits.entries ?? defaultEntries;
    this.#repeats = limits.repeats ?? false;
  }

  get entries(): number {
    return this.#entries;
  }

  /** Whether {@link linkSources} have to be taken away at the end. */
  get hasLinkSources(): boolean {
    return this.#hasLinkSources;
  }

  /** @returns whether the entry became one of the layer, with its content. @throws Failure("invalid"), Failure("limit") */
  apply(entry: TarEntry): boolean {
    if (++this.#entries > this.#limit) {
      throw new Failure("limit", `layer has more than ${this.#limit} entries`);
    }
    const path = layerPath(entry.path);
    if (this.#seen.size === this.#seen.add(path).size && !this.#repeats) {
      throw new Failure("invalid", `duplicates of file paths not supported: ${shown(path)}`);
    }
    if (path === "") {
      if (entry.type === "directory") return false;
      throw new Failure("invalid", `layer has a ${entry.type} in the place of its root`);
    }
    const mark = readMark(path);
    if (mark === undefined) {
      this.#maker.create(path, entry);
      return true;
    }
    switch (mark.kind) {
      case "whiteout":
        if (this.#seen.has(mark.path)) throw hidesItself(mark.path);
        this.#maker.whiteout(mark.path, entry);
        return false;
      case "opaque":
        this.#maker.opaque(mark.path);
        return false;
      case "bookkeeping":
        if (!isLinkSource(path) || entry.type !== "file") return false;
        this.#hasLinkSources = true;
        this.#maker.create(path, entry);
        return false;
    }
  }
}
