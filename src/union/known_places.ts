/** Where paths lead in a view that nobody writes to. */
import type { ByteString } from "../byte_string.ts";
import type { FoundDirectory, LayerStack } from "./layer_stack.ts";
import { childOf, nameOf, parentOf } from "./path.ts";
import type { Place } from "./walk_path.ts";

/** A directory costs about 300 bytes, and each layer that has it as much again. */
const maximum = 10_000;

/** No name, or one that may be too long for the view (AUFS takes 242 bytes). */
const odd = /^\.{0,2}$|^.{242}/s;

/** Spares a walk from the root for each name in a directory, and a look for each question about one name. */
export class KnownPlaces {
  readonly #stack: LayerStack;
  readonly #directories = new Map<ByteString, FoundDirectory>();
  #last: Place | undefined;

  constructor(stack: LayerStack) {
    this.#stack = stack;
  }

  /** Undefined where only a walk can tell: of paths that are not short, or whose directory was not met before. */
  find(path: ByteString): Place | undefined {
    if (this.#last !== undefined && this.#last.path === path) return this.#last;
    const parentPath = parentOf(path);
    const parent = this.#directories.get(parentPath);
    const name = nameOf(path);
    if (parent === undefined || odd.test(name) || childOf(parentPath, name) !== path) return undefined;
    return this.#kept({ path, parent, parentPath, name, found: this.#stack.lookup(parent.parts, name) });
  }

  /** @param place what a walk has found, `path` being free of symlinks */
  keep(place: Place): void {
    // The root is its own parent, in a way.
    if (place.path !== "") this.#kept(place);
  }

  #kept(place: Place): Place {
    const { path, parent, parentPath, found } = place;
    if (this.#directories.size > maximum) this.#directories.clear();
    this.#directories.set(parentPath, parent);
    if (found?.parts !== undefined) this.#directories.set(path, found);
    this.#last = place;
    return place;
  }
}
