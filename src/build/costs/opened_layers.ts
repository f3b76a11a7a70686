/** The layers of an image as they lie in the store, each by itself and all that lies below it. */
import type { ByteString } from "../../byte_string.ts";
import { type ApplyTarget, isTarTarget, openTree, readCatalog, type TarTarget } from "../../layer/index.ts";
import type { Store, StoredLayer } from "../../store/index.ts";
import { type Branch, DirectoryBranch, TreeBranch } from "../../union/index.ts";
import { CatalogBranch } from "./catalog_branch.ts";
import { catalogItems } from "./catalog_items.ts";
import { directoryItems } from "./directory_items.ts";
import type { LayerItem } from "./layer_item.ts";
import { tarItems } from "./tar_items.ts";

/** A branch of what lies below a layer. */
export interface LowerBranch {
  readonly branch: Branch;
  /** Place of its layer in the image, 0 for the lowest; undefined: it is several layers in one. */
  readonly layer: number | undefined;
}

export interface OpenedLayers extends Disposable {
  /** Each layer's tree holds all below it anew, and does not tell which layer has what. */
  readonly isCopied: boolean;
  /** What the layer at that place changes. */
  items(index: number, signal: AbortSignal): Iterable<LayerItem> | AsyncIterable<LayerItem>;
  /** Reads a file of the layer at that place. */
  read(index: number, path: ByteString, offset: number, length: number): Uint8Array;
  /** What makes the tree on which that layer stands, uppermost first. */
  below(index: number): readonly LowerBranch[];
}

/**
 * @param layers of the image, bottom first
 * @param base how many of them are only ever looked at from above
 */
export function openLayers(store: Store, layers: readonly StoredLayer[], base: number): OpenedLayers {
  const targets = layers.map(({ cacheId }) => store.driver.target(cacheId));
  const tars = targets.filter(isTarTarget);
  if (tars.length > 0) return keptTars(tars, base);
  const directories = targets.filter((target): target is ApplyTarget => !isTarTarget(target));
  return directories.some(({ whiteouts }) => whiteouts === "remove")
    ? copies(store, layers, directories)
    : changeDirectories(directories);
}

/** Overlayfs' form: marks in directories. */
function changeDirectories(targets: readonly ApplyTarget[]): OpenedLayers {
  const held = new DisposableStack();
  const branches = opener(held, targets);
  const prefix = (index: number): string =>
    targets[index]?.whiteouts === "overlay-user" ? "user.overlay." : "trusted.overlay.";
  return {
    isCopied: false,
    items: (index) => directoryItems((targets[index] as ApplyTarget).directory, prefix(index)),
    read: (index, path, offset, length) => branches(index).read(path, offset, length),
    below: (index) =>
      targets
        .slice(0, index)
        .map((_, layer) => ({ branch: branches(layer), layer }))
        .toReversed(),
    [Symbol.dispose]: () => held.dispose(),
  };
}

/** Each directory holds all that is below it, too: what a layer changed is in its tar alone. */
function copies(store: Store, layers: readonly StoredLayer[], targets: readonly ApplyTarget[]): OpenedLayers {
  const held = new DisposableStack();
  const branches = opener(held, targets);
  return {
    isCopied: true,
    async *items(index, signal) {
      const { chainId } = layers[index] as StoredLayer;
      yield* tarItems(await store.layers.openTar(chainId, { signal }), signal);
    },
    read: (index, path, offset, length) => branches(index).read(path, offset, length),
    below: (index) => (index === 0 ? [] : [{ branch: branches(index - 1), layer: undefined }]),
    [Symbol.dispose]: () => held.dispose(),
  };
}

function opener(held: DisposableStack, targets: readonly ApplyTarget[]): (index: number) => DirectoryBranch {
  const opened = new Map<number, DirectoryBranch>();
  return (index) => {
    const known = opened.get(index);
    if (known !== undefined) return known;
    const { directory, whiteouts } = targets[index] as ApplyTarget;
    const spelling = whiteouts === "remove" ? "none" : whiteouts === "aufs" ? "files" : whiteouts;
    const branch = held.use(new DirectoryBranch(directory, { spelling }));
    opened.set(index, branch);
    return branch;
  };
}

/** Tars with catalogs: the base is merged once, the others are read each by itself. */
function keptTars(targets: readonly TarTarget[], base: number): OpenedLayers {
  const held = new DisposableStack();
  const contents = (layers: readonly TarTarget[]): TreeBranch => {
    const { root, sources } = held.use(openTree(layers));
    return held.use(new TreeBranch(root, sources));
  };
  const known = new Map<number, CatalogBranch>();
  const branchOf = (index: number): CatalogBranch => {
    const target = targets[index] as TarTarget;
    let opened: TreeBranch | undefined;
    const branch =
      known.get(index) ??
      new CatalogBranch(readCatalog(target), (path, offset, length) =>
        (opened ??= contents([target])).read(path, offset, length),
      );
    known.set(index, branch);
    return branch;
  };
  let merged: TreeBranch | undefined;
  return {
    isCopied: false,
    items: (index) => catalogItems(branchOf(index).root),
    read: (index, path, offset, length) => branchOf(index).read(path, offset, length),
    below: (index) => {
      const made: LowerBranch[] = [];
      for (let layer = index - 1; layer >= base; layer--) made.push({ branch: branchOf(layer), layer });
      if (base === 0) return made;
      return [...made, { branch: (merged ??= contents(targets.slice(0, base))), layer: undefined }];
    },
    [Symbol.dispose]: () => held.dispose(),
  };
}
