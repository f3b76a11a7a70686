/** Records of the build cache as an image in transit, for a registry or a directory. */
import type { ImageView, LayerView, TransferOptions } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import {
  chainIds,
  digestOf,
  goJson,
  mediaTypes,
  type ChainId,
  type Descriptor,
  type DiffId,
} from "../../oci/index.ts";
import { viewImage, type CacheRecord, type Store, type StoredImage } from "../../store/index.ts";
import { cacheConfigType, encodeCacheConfig, type CacheConfig, type CachedLayer } from "./cache_config.ts";

/**
 * The records with all their layers, compressed where they are not yet. Records whose layers are gone are left out. The
 * same records give the same bytes.
 */
export async function exportCache(
  store: Store,
  records: readonly CacheRecord[],
  options: TransferOptions,
): Promise<ImageView> {
  const config = await travelling(store, records);
  const views = await viewLayers(store, config);
  const layers: LayerView[] = [];
  const blobs: Descriptor[] = [];
  for (const diffId of config.layers) {
    const { layer, blob } = await inTransferForm(views.get(diffId) as LayerView, options);
    layers.push(layer);
    blobs.push(blob);
  }
  const bytes = Buffer.from(goJson(encodeCacheConfig(config)));
  const configDescriptor = { mediaType: cacheConfigType, digest: digestOf(bytes), size: bytes.length };
  return {
    imageId: configDescriptor.digest,
    configDescriptor,
    layers,
    manifest: manifestOf(configDescriptor, blobs),
    readConfig: async () => bytes,
  };
}

/**
 * What an image's config says of the steps that made its layers, under the name `inlineMember`: those of `records` whose
 * stacks the image has.
 */
export async function inlineCache(
  store: Store,
  records: readonly CacheRecord[],
  diffIds: readonly DiffId[],
): Promise<object> {
  const chains = new Set<string>(chainIds(diffIds));
  const own = records.filter(({ top }) => top === undefined || chains.has(top));
  return encodeCacheConfig({ ...(await travelling(store, own)), layers: diffIds });
}

async function travelling(store: Store, records: readonly CacheRecord[]): Promise<CacheConfig> {
  const known = new Map<ChainId, CachedLayer | undefined>();
  const found: CacheConfig["records"][number][] = [];
  for (const { key, description, kind, created, top, layer } of records.toSorted((a, b) =>
    a.key < b.key ? -1 : 1,
  )) {
    const stack = top === undefined ? undefined : await layerOf(store, top, known);
    if (top !== undefined && stack === undefined) continue;
    const made = layer !== undefined;
    found.push({ key, description, kind, created, made, ...(stack !== undefined && { top: stack }) });
  }
  return { layers: [...new Set(found.flatMap(({ top }) => diffIdsOf(top)))], records: found };
}

async function layerOf(
  store: Store,
  chain: ChainId,
  known: Map<ChainId, CachedLayer | undefined>,
): Promise<CachedLayer | undefined> {
  if (known.has(chain)) return known.get(chain);
  const layer = await store.layers.get(chain);
  const below = layer?.parent === undefined ? undefined : await layerOf(store, layer.parent, known);
  const isWhole = layer !== undefined && (layer.parent === undefined || below !== undefined);
  const made = isWhole
    ? { diffId: layer.diffId, chainId: chain, ...(below !== undefined && { below }) }
    : undefined;
  known.set(chain, made);
  return made;
}

/** Bottom first. */
export function diffIdsOf(top: CachedLayer | undefined): DiffId[] {
  const diffIds: DiffId[] = [];
  for (let at = top; at !== undefined; at = at.below) diffIds.push(at.diffId);
  return diffIds.reverse();
}

/** The store's views of all layers, by way of an image for each stack that nobody stored. */
async function viewLayers(store: Store, { records }: CacheConfig): Promise<Map<DiffId, LayerView>> {
  const views = new Map<DiffId, LayerView>();
  for (const { top } of records) {
    const diffIds = diffIdsOf(top);
    if (diffIds.every((diffId) => views.has(diffId))) continue;
    const config: StoredImage["config"] = {
      architecture: "",
      os: "",
      rootfs: { type: "layers", diff_ids: diffIds },
    };
    const bytes = Buffer.from(goJson(config));
    const { layers } = await viewImage(store, { id: digestOf(bytes), bytes, config });
    for (const layer of layers) views.set(layer.diffId as DiffId, layer);
  }
  return views;
}

async function inTransferForm(
  layer: LayerView,
  options: TransferOptions,
): Promise<{ readonly layer: LayerView; readonly blob: Descriptor }> {
  const blob = layer.blob ?? (await layer.compress?.(options));
  if (blob === undefined)
    throw new Failure("unsupported", `layer ${layer.diffId} cannot be compressed for the build cache`);
  // The config names this form: another one that the registry may have is no use.
  const seenAt = (layer.seenAt ?? []).filter(({ digest }) => digest === blob.digest);
  return { layer: { ...layer, blob, seenAt }, blob };
}

const ociTypes: Readonly<Record<string, string>> = {
  [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
  [mediaTypes.dockerLayerTar]: mediaTypes.ociLayerTar,
};

function manifestOf(config: Descriptor, blobs: readonly Descriptor[]): NonNullable<ImageView["manifest"]> {
  const mediaType = mediaTypes.ociManifest;
  const layers = blobs.map(({ mediaType, digest, size }) => ({
    mediaType: ociTypes[mediaType] ?? mediaType,
    digest,
    size,
  }));
  const bytes = Buffer.from(goJson({ schemaVersion: 2, mediaType, config, layers }));
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}
