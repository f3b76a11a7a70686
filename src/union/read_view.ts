/** The merged view of a stack of branches, for reading: nothing is ever copied up (behaviours B020-B023). */
import type { ByteString } from "../byte_string.ts";
import { KnownPlaces } from "./known_places.ts";
import { LayerStack, type Found } from "./layer_stack.ts";
import { marksOf } from "./marks_of.ts";
import { childOf } from "./path.ts";
import type { DirectoryEntry, NodeStat } from "./types.ts";
import { isUnionError, UnionError } from "./union_error.ts";
import { rulesOf, spellingOf, type UnionViewOptions } from "./union_options.ts";
import { walkPath, type Place } from "./walk_path.ts";
import type { Rules } from "./writing.ts";

/** Which layer a path comes from. */
export interface Origin {
  /** Without any symlink. */
  readonly path: ByteString;
  readonly stat: NodeStat;
  /** `upper`, or the place among `lowers`, uppermost first; all that a directory is merged from. */
  readonly layers: readonly ("upper" | number)[];
  /** Where a file's bytes are: not in its own layer if only the attributes were copied up. */
  readonly content?: "upper" | number;
}

export interface FollowOption {
  /** Whether a symlink at the end of the path is followed (default true). */
  readonly follow?: boolean;
}

/** A place that has something. */
export type Taken = Place & { readonly found: Found };

/** Paths are walked as in a chroot: absolute symlinks and `..` stay inside. Access is not checked, as for root. */
export class ReadView {
  protected readonly stack: LayerStack;
  protected readonly rules: Rules;
  readonly #hasUpper: boolean;
  readonly #known: KnownPlaces;

  /** @throws Failure("invalid") for options that the dialect does not have */
  constructor(options: UnionViewOptions) {
    const { dialect, lowers, upper } = options;
    this.rules = rulesOf(options);
    const spelling = spellingOf(options);
    const branches = upper === undefined ? lowers : [upper, ...lowers];
    const layers = branches.map((branch) => ({
      branch,
      // What is written is written as the dialect says.
      marks: marksOf(branch === upper ? spelling : (branch.spelling ?? spelling)),
    }));
    this.#hasUpper = upper !== undefined;
    this.stack = new LayerStack(layers, { pseudoLinks: dialect === "aufs" && this.#hasUpper });
    this.#known = new KnownPlaces(this.stack);
  }

  /** Where the thing at `path` comes from; undefined where there is none. A final symlink is not followed. */
  lookup(path: ByteString, { follow = false }: FollowOption = {}): Origin | undefined {
    try {
      const { path: real, found } = this.place(path, "lookup", follow);
      return found && this.#originOf(real, found);
    } catch (error) {
      if (isUnionError(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }

  /** Every path below a directory with its origin, depth first, names by their bytes; the directory is left out. */
  *walk(directory: ByteString = ""): Generator<Origin, void, undefined> {
    if (directory === "") return yield* this.#walk("", this.stack.root);
    const { path, found } = this.place(directory, "readdir", false);
    if (found?.parts !== undefined) yield* this.#walk(path, found);
  }

  /** `stat(2)`, or `lstat(2)`. @throws UnionError */
  stat(path: ByteString, { follow = true }: FollowOption = {}): NodeStat {
    return this.existing(path, "stat", follow).found.stat;
  }

  /** Each name once, sorted by bytes. @throws UnionError ENOTDIR */
  readdir(path: ByteString): DirectoryEntry[] {
    const { found } = this.existing(path, "readdir", true);
    if (found.parts === undefined) throw new UnionError("ENOTDIR", "readdir", path);
    return this.stack.list(found.parts);
  }

  /** Bytes of a file, all by default. @throws UnionError EISDIR; EINVAL for what is neither file nor directory */
  read(path: ByteString, offset = 0, length = Infinity): Uint8Array {
    const { found } = this.existing(path, "read", true);
    if (found.parts !== undefined) throw new UnionError("EISDIR", "read", path);
    if (found.stat.kind !== "file") throw new UnionError("EINVAL", "read", path);
    const rest = Math.max(0, found.stat.size - offset);
    return this.stack.read(found, offset, Math.min(length, rest));
  }

  /** @throws UnionError EINVAL: no symlink */
  readLink(path: ByteString): ByteString {
    const { found } = this.existing(path, "readlink", false);
    if (found.stat.kind !== "symlink") throw new UnionError("EINVAL", "readlink", path);
    return this.stack.readLink(found);
  }

  /** All attributes that the union shows: its own marks are not among them. @throws UnionError */
  xattrs(path: ByteString, { follow = true }: FollowOption = {}): Map<ByteString, Uint8Array> {
    return this.stack.xattrs(this.existing(path, "listxattr", follow).found);
  }

  protected place(path: ByteString, operation: string, follow: boolean): Place {
    if (this.#hasUpper) return this.#walkTo(path, operation, follow);
    const known = this.#known.find(path);
    if (known !== undefined && !(follow && known.found?.stat.kind === "symlink")) return known;
    const place = this.#walkTo(path, operation, follow);
    if (place.path === path) this.#known.keep(place);
    return place;
  }

  #walkTo(path: ByteString, operation: string, follow: boolean): Place {
    // AUFS_MAX_NAMELEN leaves room for two prefixes and a random ending.
    const nameMax = this.rules.overlay === undefined ? 242 : 255;
    return walkPath(this.stack, path, { follow, operation, nameMax });
  }

  protected existing(path: ByteString, operation: string, follow: boolean): Taken {
    const place = this.place(path, operation, follow);
    if (place.found === undefined) throw new UnionError("ENOENT", operation, path);
    return { ...place, found: place.found };
  }

  *#walk(directory: ByteString, { parts }: Found): Generator<Origin, void, undefined> {
    for (const { name } of this.stack.list(parts ?? [])) {
      const found = this.stack.lookup(parts ?? [], name);
      // A whiteout of a branch's own, in a directory that merges with nothing, is listed but leads nowhere.
      if (found === undefined) continue;
      const path = childOf(directory, name);
      yield this.#originOf(path, found);
      if (found.parts !== undefined) yield* this.#walk(path, found);
    }
  }

  #originOf(path: ByteString, found: Found): Origin {
    const { stat } = found;
    if (found.parts !== undefined)
      return { path, stat, layers: found.parts.map((part) => this.#name(part.layer)) };
    return { path, stat, layers: [this.#name(found.at.layer)], content: this.#name(found.content.layer) };
  }

  #name(layer: number): "upper" | number {
    if (!this.#hasUpper) return layer;
    return layer === 0 ? "upper" : layer - 1;
  }
}
