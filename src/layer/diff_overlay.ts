/** The layer tar of an overlay's upper directory. */
import type { ByteString } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import { type DiffItem, ItemMaker, opaqueItem, type Place, whiteoutItem } from "./diff_item.ts";
import { childOf } from "./layer_path.ts";
import { type MergedDirectory, OverlayStack } from "./overlay_stack.ts";
import { unlessGone } from "./unless_gone.ts";

const upperLayer = 0;

/**
 * Items of the change directory `layers[0]` in tar order. `layers` below it are only read where the upper directory
 * refers to them: renamed directories (behaviours B038) and copies of attributes only (B039) become full content.
 */
export function* overlayItems(
  layers: readonly ByteString[],
  style: "overlay" | "overlay-user",
): Generator<DiffItem, void, void> {
  using stack = new OverlayStack(layers, style);
  const [upper, ...lower] = stack.root;
  if (upper !== undefined) yield* new OverlayWalk(stack).upper(upper.fd, "", () => lower);
}

class OverlayWalk {
  readonly #stack: OverlayStack;
  readonly #items = new ItemMaker();

  constructor(stack: OverlayStack) {
    this.#stack = stack;
  }

  /**
   * What the upper directory itself holds, whiteouts included.
   * @param lower gives what lies below it; asked only when needed
   */
  *upper(fd: number, path: ByteString, lower: () => MergedDirectory): Generator<DiffItem, void, void> {
    for (const name of namesIn(fd)) {
      const place = { fd, name };
      const stat = sys.statAtIfExists(fd, name);
      if (stat === undefined) continue;
      if (this.#stack.isWhiteout(place, stat)) yield whiteoutItem(path, name, stat);
      else if ((stat.mode & sys.S_IFMT) === sys.S_IFDIR)
        yield* this.#upperDirectory(place, path, stat, lower);
      else {
        const { mark } = this.#stack;
        const item = unlessGone(() => this.#upperFile(place, path, stat, lower));
        if (item !== undefined) yield item;
        this.#stack.release(mark);
      }
    }
  }

  #upperFile(
    place: Place,
    path: ByteString,
    stat: sys.Stat,
    lower: () => MergedDirectory,
  ): DiffItem | undefined {
    const attributes = sys.listXattrAt(place.fd, place.name);
    const content = attributes.includes(`${this.#stack.prefix}metacopy`)
      ? this.#stack.contentBelow(place, upperLayer, lower(), place.name)
      : place;
    return this.#items.make(place, childOf(path, place.name), stat, content, attributes);
  }

  *#upperDirectory(
    place: Place,
    parent: ByteString,
    stat: sys.Stat,
    lower: () => MergedDirectory,
  ): Generator<DiffItem, void, void> {
    const stack = this.#stack;
    const { mark } = stack;
    const path = childOf(parent, place.name);
    const attributes = sys.listXattrAt(place.fd, place.name);
    const item = this.#items.make(place, path, stat, place, attributes);
    if (item !== undefined) yield item;
    const fd = stack.open(place.fd, place.name);
    const below = (): MergedDirectory => stack.branchesBelow(place, upperLayer, lower(), place.name);
    if (attributes.includes(`${stack.prefix}redirect`)) {
      // It merges with a directory of another name, which a tar cannot say: all of it, and nothing of its own name.
      yield opaqueItem(path, stat);
      yield* this.#merged([{ fd, layer: upperLayer }, ...below()], path);
    } else if (attributes.includes(`${stack.prefix}opaque`) && stack.isOpaque(fd)) {
      yield opaqueItem(path, stat);
      yield* this.upper(fd, path, () => []);
    } else yield* this.upper(fd, path, below);
    stack.release(mark);
  }

  /** All that shows in a merged directory, as if nothing were below. */
  *#merged(branches: MergedDirectory, path: ByteString): Generator<DiffItem, void, void> {
    const names = new Set(branches.flatMap(({ fd }) => namesIn(fd)));
    for (const name of [...names].sort()) {
      const { mark } = this.#stack;
      const found = this.#stack.lookup(branches, name);
      if (found !== undefined) {
        const content = found.kind === "other" ? found.content : found.place;
        const item = this.#items.make(found.place, childOf(path, name), found.stat, content);
        if (item !== undefined) yield item;
        if (found.kind === "directory") yield* this.#merged(found.branches, childOf(path, name));
      }
      this.#stack.release(mark);
    }
  }
}

/** Sorted by byte, as Go's filepath.Walk sorts. */
function namesIn(fd: number): ByteString[] {
  return sys
    .readDir(fd)
    .map(({ name }) => name)
    .sort();
}
