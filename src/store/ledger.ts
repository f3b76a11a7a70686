/** Who holds each byte of the store, and what deleting something would give back. */
import { chainIds, type ChainId, type ImageId } from "../oci/index.ts";
import { readHolds } from "./build_cache/cache_folder.ts";
import { measureLedger } from "./ledger/measure_ledger.ts";
import type { Ledger, LedgerContainer, LedgerImage, LedgerLayer } from "./ledger/types.ts";
import type { Store, StoredLayer } from "./types.ts";

export type {
  HeldTogether,
  Ledger,
  LedgerBlob,
  LedgerContainer,
  LedgerDisk,
  LedgerImage,
  LedgerLayer,
} from "./ledger/types.ts";

export interface LedgerOptions {
  /** Walks every directory for its bytes on the disk (default false: sizes as layerdb has them, which is quick). */
  readonly measure?: boolean;
}

/**
 * Draws up the ledger. Measured, its parts add up to what du(1) says of the data root (behaviours B061): each inode
 * counts once, blocks count and not lengths, mounts inside the root are not entered. Containers that write meanwhile
 * make the sum drift by what they write.
 */
export async function ledger(store: Store, options: LedgerOptions = {}): Promise<Ledger> {
  const layers = await readLayers(store);
  const containers = await readContainers(store);
  const images = await readImages(store, layers, containers);
  const blobs = await store.blobs.list();
  const cached = cachedLayers(store, layers);
  const drawn: Ledger = {
    images,
    layers: [...layers.values()].map((layer) => ({
      ...withUsers(layer, layers, images, containers),
      cached: cached.has(layer.chainId),
    })),
    containers,
    blobs,
    layersSize: sum([...layers.values()].map((layer) => layer.size)),
  };
  return options.measure === true ? measureLedger(store, drawn) : drawn;
}

async function readLayers(store: Store): Promise<Map<ChainId, StoredLayer>> {
  const layers = new Map<ChainId, StoredLayer>();
  for (const chain of await store.layers.list()) {
    const layer = await store.layers.get(chain);
    if (layer !== undefined) layers.set(chain, layer);
  }
  return layers;
}

async function readContainers(store: Store): Promise<LedgerContainer[]> {
  const containers: LedgerContainer[] = [];
  for (const id of await store.containers.list()) {
    const container = await store.containers.get(id);
    if (container === undefined) continue;
    const { mountId, parent, mountedTops } = container;
    containers.push({
      id,
      mountId,
      ...(parent !== undefined && { parent }),
      ...(mountedTops !== undefined && { mountedTops }),
    });
  }
  return containers;
}

async function readImages(
  store: Store,
  layers: ReadonlyMap<ChainId, StoredLayer>,
  containers: readonly LedgerContainer[],
): Promise<LedgerImage[]> {
  const names = new Map<ImageId, string[]>();
  for (const [name, id] of await store.names.all()) names.set(id, [...(names.get(id) ?? []), name]);
  const stacks = new Map<ImageId, ChainId[]>();
  for (const id of await store.images.list()) {
    const image = await store.images.get(id);
    if (image !== undefined) stacks.set(id, chainIds(image.config.rootfs.diff_ids ?? []));
  }
  const uses = new Map<ChainId, number>();
  for (const chain of [...stacks.values()].flat()) uses.set(chain, (uses.get(chain) ?? 0) + 1);
  return [...stacks].map(([id, stack]) => {
    const sizeOf = (chains: readonly ChainId[]) => sum(chains.map((chain) => layers.get(chain)?.size ?? 0));
    const size = sizeOf(stack);
    const shared = sizeOf(stack.filter((chain) => (uses.get(chain) ?? 0) > 1));
    const top = stack.at(-1);
    const users = containers
      .filter(
        ({ parent, mountedTops = [] }) => parent === top || mountedTops.some((mounted) => mounted === top),
      )
      .map(({ id }) => id);
    return {
      id,
      names: (names.get(id) ?? []).sort(),
      layers: stack,
      size,
      shared,
      unique: size - shared,
      containers: users,
    };
  });
}

function cachedLayers(store: Store, layers: ReadonlyMap<ChainId, StoredLayer>): ReadonlySet<ChainId> {
  const cached = new Set<ChainId>();
  for (const { top } of readHolds(store.root)) {
    for (let at: ChainId | undefined = top; at !== undefined && !cached.has(at); at = layers.get(at)?.parent)
      cached.add(at);
  }
  return cached;
}

function withUsers(
  layer: StoredLayer,
  layers: ReadonlyMap<ChainId, StoredLayer>,
  images: readonly LedgerImage[],
  containers: readonly LedgerContainer[],
): Omit<LedgerLayer, "cached"> {
  const isBelow = (top: ChainId | undefined): boolean => {
    for (let at = top; at !== undefined; at = layers.get(at)?.parent) if (at === layer.chainId) return true;
    return false;
  };
  return {
    ...layer,
    images: images.filter((image) => image.layers.includes(layer.chainId)).map(({ id }) => id),
    containers: containers
      .filter(({ parent, mountedTops = [] }) => [parent, ...mountedTops].some(isBelow))
      .map(({ id }) => id),
  };
}

/** What goes. Images go with all their names. */
export interface Deletion {
  readonly images?: readonly ImageId[];
  readonly containers?: readonly string[];
  /** All records of the build cache (default false). */
  readonly buildCache?: boolean;
}

export interface Freed {
  /** Layers that nothing else needs, in the order in which they would go: children first. */
  readonly layers: readonly ChainId[];
  /** Sum of the layers' sizes, in bytes. */
  readonly size: number;
  /** Bytes on the disk that come back, from a measured ledger. The blob cache keeps what it has. */
  readonly disk?: number;
}

/**
 * What deleting images and containers together would give back, exactly: layers count when all that stands on them
 * goes. Nothing is deleted.
 */
export function freedBy(drawn: Ledger, deletion: Deletion): Freed {
  const images = new Set(deletion.images);
  const containers = new Set(deletion.containers);
  const needed = new Set<ChainId>();
  for (const layer of drawn.layers) {
    const stays =
      (layer.cached && deletion.buildCache !== true) ||
      layer.images.some((id) => !images.has(id)) ||
      layer.containers.some((id) => !containers.has(id));
    if (stays) needed.add(layer.chainId);
  }
  const gone = drawn.layers.filter(({ chainId, images, containers, cached }) => {
    // A layer with no user at all is garbage already: no deletion frees it.
    return !needed.has(chainId) && (cached || images.length + containers.length > 0);
  });
  const size = sum(gone.map((layer) => layer.size));
  const layers = topFirst(gone);
  if (drawn.disk === undefined) return { layers, size };
  const books = [
    ...drawn.images.filter(({ id }) => images.has(id)),
    ...drawn.containers.filter(({ id }) => containers.has(id)),
  ];
  const disk = sum([...gone, ...books].map((item) => item.disk ?? 0));
  return { layers, size, disk: disk - stillHeld(drawn, new Set(layers)) };
}

/** What is counted with its first holder, which goes, and stays with another one. */
function stillHeld({ held = [] }: Ledger, gone: ReadonlySet<ChainId | undefined>): number {
  const staying = held.filter(
    ({ holders }) => gone.has(holders[0]) && !holders.every((holder) => gone.has(holder)),
  );
  return sum(staying.map(({ bytes }) => bytes));
}

/** Children before their parents. */
function topFirst(layers: readonly LedgerLayer[]): ChainId[] {
  const parents = new Map(layers.map((layer) => [layer.chainId, layer.parent]));
  const depth = (chain: ChainId): number => {
    let steps = 0;
    for (let at = parents.get(chain); at !== undefined; at = parents.get(at)) steps++;
    return steps;
  };
  return layers.map(({ chainId }) => chainId).sort((a, b) => depth(b) - depth(a));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
