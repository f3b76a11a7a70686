/** `system df`: what takes room, how much of it could go, and what deleting each thing would free (behaviours B061). */
import { freedBy, ledger, type Ledger, type Store } from "../../store/index.ts";
import type { Containers } from "../containers/index.ts";
import type { ContainerSummary } from "../containers/list.ts";
import { listImages, type ImageSummary } from "../images/list.ts";

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
  readonly perImage: readonly ImageUsage[];
  readonly perContainer: readonly ContainerUsage[];
  /** Bytes that sharing saves: the sum of all images' sizes less what lies on the disk once. */
  readonly saved: number;
}

/** Measures the root: walks its directories once. */
export async function diskUsage(store: Store, containers: Containers): Promise<DiskUsage> {
  const drawn = await ledger(store, { measure: true });
  const running = await containers.list({ all: true, size: true });
  const perImage = usageOfImages(drawn, await listImages(store, { all: true }));
  const perContainer = running.map((container) => ({
    ...container,
    frees: drawn.containers.find(({ id }) => id === container.id)?.disk ?? 0,
  }));
  return {
    images: imagesTotal(drawn, perImage),
    containers: containersTotal(perContainer),
    cache: cacheTotal(drawn),
    perImage: perImage.filter(
      (image) => image.repoTags.length + image.repoDigests.length > 0 || !image.isParent,
    ),
    perContainer,
    saved: perImage.reduce((sum, image) => sum + image.size, 0) - drawn.layersSize,
  };
}

function usageOfImages(
  drawn: Ledger,
  summaries: readonly ImageSummary[],
): (ImageUsage & { readonly isParent: boolean })[] {
  const parents = new Set(summaries.map((image) => image.parentId));
  return summaries.map((summary) => {
    const entry = drawn.images.find(({ id }) => id === summary.id);
    return {
      ...summary,
      shared: entry?.shared ?? 0,
      unique: entry?.unique ?? summary.size,
      containers: entry?.containers.length ?? 0,
      frees: freedBy(drawn, { images: [summary.id] }).disk ?? 0,
      isParent: parents.has(summary.id),
    };
  });
}

/** Docker's rule: what no image with a container holds alone could go (docker/cli, formatter/disk_usage.go). */
function imagesTotal(drawn: Ledger, images: readonly ImageUsage[]): Total {
  const active = images.filter((image) => image.containers > 0);
  const used = active.reduce((sum, image) => sum + image.unique, 0);
  return {
    total: images.length,
    active: active.length,
    size: drawn.layersSize,
    reclaimable: drawn.layersSize - used,
  };
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
