/** `tree`: the forest of all images. A node's parent is the image below it (behaviours B054, B055). */
import { layersOf } from "../../image/index.ts";
import { chainIds, familiarReference, type ChainId, type ImageId } from "../../oci/index.ts";
import type { Store, StoredImage } from "../../store/index.ts";
import { allImages, createdTime } from "./list.ts";

export interface ForestNode {
  readonly id: ImageId;
  readonly tags: readonly string[];
  /** `recorded`: the store knows the parent by name; `derived`: its layers are the bottom of this one's. */
  readonly ancestry: "base" | "recorded" | "derived";
  readonly layers: number;
  /** Bytes over all layers, bytes that other images need as well, bytes that would go with this image alone. */
  readonly size: number;
  readonly shared: number;
  readonly own: number;
  readonly children: readonly ForestNode[];
}

interface Draft extends Omit<ForestNode, "children" | "ancestry"> {
  readonly image: StoredImage;
  readonly chain: readonly ChainId[];
}

/** All images as trees, parents before children, older before newer. */
export async function imageForest(store: Store): Promise<ForestNode[]> {
  const images = (await allImages(store)).sort(
    (a, b) => createdTime(a) - createdTime(b) || (a.id < b.id ? -1 : 1),
  );
  const users = layerUsers(images);
  const drafts: Draft[] = [];
  for (const image of images) drafts.push(await draft(store, image, users));
  const byId = new Map<ImageId | undefined, Draft>(drafts.map((node) => [node.id, node]));
  const parents = new Map(drafts.map((node) => [node.id, parentOf(node, byId)]));
  const grow = (node: Draft): ForestNode => {
    const parent = parents.get(node.id);
    const { image, chain: _chain, ...shown } = node;
    const ancestry = parent === undefined ? "base" : image.parent === parent.id ? "recorded" : "derived";
    const children = drafts.filter((other) => parents.get(other.id) === node).map(grow);
    return { ...shown, ancestry, children };
  };
  return drafts.filter((node) => parents.get(node.id) === undefined).map(grow);
}

/** Chain ID to the number of images that hold it. */
function layerUsers(images: readonly StoredImage[]): Map<ChainId, number> {
  const users = new Map<ChainId, number>();
  for (const image of images) {
    for (const chain of chainIds(image.config.rootfs.diff_ids ?? []))
      users.set(chain, (users.get(chain) ?? 0) + 1);
  }
  return users;
}

async function draft(store: Store, image: StoredImage, users: ReadonlyMap<ChainId, number>): Promise<Draft> {
  const layers = await layersOf(store, image);
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  const own = layers
    .filter((layer) => users.get(layer.chainId) === 1)
    .reduce((sum, layer) => sum + layer.size, 0);
  const names = await store.names.namesOf(image.id);
  return {
    image,
    id: image.id,
    tags: names.filter((name) => name.digest === undefined).map(familiarReference),
    layers: layers.length,
    size,
    own,
    shared: size - own,
    chain: layers.map((layer) => layer.chainId),
  };
}

/**
 * The recorded parent, else the image with the tallest stack that this one's stack begins with. Equal stacks are not
 * parent and child unless recorded so: neither is below the other. An image without layers is nobody's parent, but by
 * record. A record counts only if the child's stack begins with the parent's, so that no image is its own ancestor.
 */
function parentOf(node: Draft, all: ReadonlyMap<ImageId | undefined, Draft>): Draft | undefined {
  const recorded = all.get(node.image.parent);
  if (recorded !== undefined && beginsWith(node, recorded) && !isBelow(recorded, node, all)) return recorded;
  let best: Draft | undefined;
  for (const other of all.values()) {
    const height = other.chain.length;
    if (height === 0 || height >= node.chain.length || !beginsWith(node, other)) continue;
    if (height > (best?.chain.length ?? 0)) best = other;
  }
  return best;
}

/** A chain ID names the whole stack below it, so one comparison decides. */
function beginsWith(node: Draft, other: Draft): boolean {
  const height = other.chain.length;
  return height === 0 || other.chain[height - 1] === node.chain[height - 1];
}

/** Whether records lead from `node` down to `other`: of equal stacks a damaged store may name each the other's parent. */
function isBelow(node: Draft, other: Draft, all: ReadonlyMap<ImageId | undefined, Draft>): boolean {
  const seen = new Set<Draft>();
  let at: Draft | undefined = node;
  while (at !== undefined && !seen.has(at) && at.chain.length === other.chain.length) {
    if (at === other) return true;
    seen.add(at);
    at = all.get(at.image.parent);
  }
  return false;
}
