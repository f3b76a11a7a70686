/** A stored image as a tree that can be read, without container or mount. */
import type { Store, StoredImage, StoredLayer } from "../store/index.ts";
import { DirectoryBranch, MemoryBranch, ReadView, TreeBranch, type Branch } from "../union/index.ts";
import { isTarTarget, openTree, type TarTarget } from "../layer/index.ts";
import { layersOf } from "./image_facts.ts";

export interface ImageTree extends Disposable {
  readonly view: ReadView;
  /** The uppermost directory holds everything: which layer a file comes from is not to be seen. */
  readonly isWholeCopy: boolean;
  /** Owners and some attributes are not the image's: an ordinary user has unpacked it. */
  readonly isInexact: boolean;
}

/**
 * Opens the driver's directories of all layers, to be closed by disposal. Symlinks of the image lead to places inside
 * the image, as in a container. Throws `Failure("corrupt")` if the store lacks a layer, SysError if a directory is gone.
 */
export async function openImageView(store: Store, image: StoredImage): Promise<ImageTree> {
  return openLayersView(store, await layersOf(store, image));
}

/**
 * {@link openImageView} of layers that no image has yet.
 * @param layers bottom first; none shows an empty root
 */
export function openLayersView(store: Store, layers: readonly StoredLayer[]): ImageTree {
  const targets = layers.map(({ cacheId }) => store.driver.target(cacheId));
  const tars = targets.filter(isTarTarget);
  if (tars.length > 0) return openTars(tars);
  using opened = new DisposableStack();
  const lowers: Branch[] = [];
  let isWholeCopy = false;
  let isInexact = false;
  for (const target of targets.toReversed()) {
    if (isTarTarget(target)) continue;
    const { directory, whiteouts, ownership } = target;
    isInexact = ownership === "best-effort";
    // A full copy of all below it (vfs) has no marks, and needs nothing below.
    isWholeCopy = whiteouts === "remove";
    const spelling = whiteouts === "remove" ? "none" : whiteouts === "aufs" ? "files" : whiteouts;
    lowers.push(opened.use(new DirectoryBranch(directory, { spelling })));
    if (isWholeCopy) break;
  }
  if (lowers.length === 0) lowers.push(new MemoryBranch());
  const view = new ReadView({ dialect: "overlay2", lowers });
  const held = opened.move();
  return { view, isWholeCopy, isInexact, [Symbol.dispose]: () => held.dispose() };
}

/** Layers whose tars are kept: their catalogs say all, and contents are read where they lie in the tars. */
function openTars(layers: readonly TarTarget[]): ImageTree {
  const { root, sources, [Symbol.dispose]: dispose } = openTree(layers);
  const view = new ReadView({ dialect: "overlay2", lowers: [new TreeBranch(root, sources)] });
  return { view, isWholeCopy: true, isInexact: false, [Symbol.dispose]: dispose };
}
