/** `system df`: what takes room, how much of it could go, and what deleting each thing would free (behaviours B061). */
import type { ChainId, ImageId } from "../../oci/index.ts";
import { freedBy, ledger, type Ledger, type Store } from "../../store/index.ts";
import type { Containers } from "../containers/index.ts";
import type { ContainerSummary } from "../containers/list.ts";
import { listImages, type ImageSummary } from "../images/list.ts";
import { listBuildCache, type BuildCacheItem } from "./build_cache.ts";

export interface Total {
  readonly total: number;
  readonly active: number;
  /** Bytes. */
  readonly size: number;
  readonly reclaimable: number;
}

export interface ImageUsage extends ImageSummary {
  readonly shared: number;
  readonly unique: number;
  readonly containers: number;
  /** Bytes on the disk that deleting this image alone would give back; 0 while a container needs all of it. */
  readonly frees: number;
}

export interface ContainerUsage extends ContainerSummary {
  readonly frees: number;
}

export interface DiskUsage {
  readonly images: Total;
  readonly containers: Total;
  /** Compressed layers kept so that a push sends the same bytes at once; unfinished transfers among them. */
  readonly cache: Total;
  /** Layers of build steps that no image or container has, cache mounts, and the records of all that. */
  readonly buildCache: Total;
  readonly perImage: readonly ImageUsage[];
  readonly perContainer: readonly ContainerUsage[];
  readonly perCacheItem: readonly BuildCacheItem[];
  /** Bytes that sharing saves: the sum of all images' sizes less what lies on the disk once. */
  readonly saved: number;
}

/** Measures the root: walks its directories once. */
export async function diskUsage(store: Store, containers: Containers): Promise<DiskUsage> {
  const drawn = await ledger(store, { measure: true });
  const all = await containers.list({ all: true, size: true });
  const perCacheItem = await listBuildCache(store, new AbortController().signal);
  const perImage = usageOfImages(drawn, await listImages(store, { all: true }), all);
  const perContainer = all.map((container) => ({
    ...container,
    frees: drawn.containers.find(({ id }) => id === container.id)?.disk ?? 0,
  }));
  return {
    images: imagesTotal(drawn, perImage),
    containers: containersTotal(perContainer),
    cache: cacheTotal(drawn),
    buildCache: buildCacheTotal(drawn, perCacheItem),
    perImage,
    perContainer,
    perCacheItem,
    saved: perImage.reduce((sum, image) => sum + image.size, 0) - sizeOnce(drawn, perImage),
  };
}

/** As in Docker, nameless parents are no images of their own here: they go with their last child. */
function usageOfImages(
  drawn: Ledger,
  summaries: readonly ImageSummary[],
  containers: readonly ContainerSummary[],
): ImageUsage[] {
  const entries = new Map(drawn.images.map((entry) => [entry.id, entry]));
  const parents = new Set(summaries.map((image) => image.parentId));
  const shown = summaries.filter((image) => isNamed(image) || !parents.has(image.id));
  const users = new Map<ChainId, number>();
  for (const { id } of shown) {
    for (const chain of entries.get(id)?.layers ?? []) users.set(chain, (users.get(chain) ?? 0) + 1);
  }
  const sizes = new Map(drawn.layers.map(({ chainId, size }) => [chainId, size]));
  return shown.map((summary) => {
    const sharing = (entries.get(summary.id)?.layers ?? []).filter((chain) => (users.get(chain) ?? 0) > 1);
    const shared = sharing.reduce((sum, chain) => sum + (sizes.get(chain) ?? 0), 0);
    return {
      ...summary,
      shared,
      unique: summary.size - shared,
      containers: containers.filter(({ imageId }) => imageId === summary.id).length,
      frees: freedBy(drawn, { images: goneWith(summary, summaries, containers) }).disk ?? 0,
    };
  });
}

const isNamed = (image: ImageSummary): boolean => image.repoTags.length + image.repoDigests.length > 0;

/** What `rmi` of the image deletes: none while it has children, else it and the nameless parents that nobody uses. */
function goneWith(
  image: ImageSummary,
  all: readonly ImageSummary[],
  containers: readonly ContainerSummary[],
): ImageId[] {
  const gone: ImageId[] = [];
  const isFree = (id: string): boolean =>
    all.every((other) => other.parentId !== id || gone.includes(other.id));
  if (!isFree(image.id)) return [];
  gone.push(image.id);
  for (let at = image.parentId; at !== "";) {
    const parent = all.find(({ id }) => id === at);
    if (parent === undefined || isNamed(parent) || !isFree(at)) break;
    if (containers.some(({ imageId }) => imageId === at)) break;
    gone.push(parent.id);
    at = parent.parentId;
  }
  return gone;
}

/** Bytes of the images' layers, each once. */
function sizeOnce(drawn: Ledger, images: readonly ImageUsage[]): number {
  const held = new Set<string>(images.map(({ id }) => id));
  return drawn.layers
    .filter((layer) => layer.images.some((id) => held.has(id)))
    .reduce((sum, layer) => sum + layer.size, 0);
}

/** Docker's rule: what no image with a container holds alone could go (docker/cli, formatter/disk_usage.go). */
function imagesTotal(drawn: Ledger, images: readonly ImageUsage[]): Total {
  const active = images.filter((image) => image.containers > 0);
  const used = active.reduce((sum, image) => sum + image.unique, 0);
  const size = drawn.layersSize - ofCacheAlone(drawn);
  return { total: images.length, active: active.length, size, reclaimable: size - used };
}

/** Bytes of the layers that nothing but the build cache holds. */
function ofCacheAlone({ layers }: Ledger): number {
  return layers
    .filter(({ images, containers, cached }) => cached && images.length + containers.length === 0)
    .reduce((sum, { size }) => sum + size, 0);
}

function buildCacheTotal(drawn: Ledger, items: readonly BuildCacheItem[]): Total {
  const active = items.filter(({ inUse }) => inUse);
  const used = active.reduce((sum, { shared, size }) => sum + (shared ? 0 : size), 0);
  const size = ofCacheAlone(drawn) + (drawn.disk?.buildCache ?? 0);
  return { total: items.length, active: active.length, size, reclaimable: Math.max(0, size - used) };
}

function containersTotal(containers: readonly ContainerUsage[]): Total {
  const active = containers.filter(({ status }) => status === "running" || status === "paused");
  const sizeOf = (list: readonly ContainerUsage[]): number =>
    list.reduce((sum, each) => sum + (each.sizeRw ?? 0), 0);
  const size = sizeOf(containers);
  return { total: containers.length, active: active.length, size, reclaimable: size - sizeOf(active) };
}

function cacheTotal(drawn: Ledger): Total {
  const size = drawn.blobs.reduce((sum, blob) => sum + blob.size, 0);
  return {
    total: drawn.blobs.length,
    active: drawn.blobs.filter((blob) => blob.partial).length,
    size,
    reclaimable: size,
  };
}
