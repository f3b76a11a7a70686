/** An image of the store as it travels: for push, save and copies. */
import { join } from "node:path";
import { compressGzip, count, digestThrough, toFile, verify } from "../bytes/index.ts";
import type { ByteSource, ImageView, LayerView, OpenOptions, TransferOptions } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import {
  chainIds,
  hexOf,
  mediaTypes,
  shortId,
  type ChainId,
  type Descriptor,
  type ImageId,
  type Manifest,
} from "../oci/index.ts";
import { openCached } from "./receive/local_blob.ts";
import { fileSource } from "./receive/file_source.ts";
import { rememberBlob, rememberedBlob } from "./layer_blobs.ts";
import { readManifest } from "./manifests.ts";
import type { StoredImage, StoredLayer, Store } from "./types.ts";
import { withSession } from "./with_session.ts";

/**
 * The image as a view. `manifest` is the one by which it was received, if it came with one: pushed again, it gives the
 * same digest (behaviours B129). A layer's `blob` is there while its bytes are in the blob cache; the manifest's own
 * descriptors are in `seenAt` and the manifest whether or not they are. Read-only: nothing is opened before it is
 * asked for.
 *
 * Throws `Failure("not-found")` for an unknown image, `Failure("corrupt")` if a layer of it is missing.
 */
export async function viewImage(store: Store, image: ImageId | StoredImage): Promise<ImageView> {
  const stored = typeof image === "string" ? await store.images.get(image) : image;
  if (stored === undefined) throw new Failure("not-found", `No such image: ${image as ImageId}`);
  const manifest = readManifest(store, stored.id);
  const kept = manifest && readKept(manifest.bytes);
  const layers: LayerView[] = [];
  for (const [index, chain] of chainIds(stored.config.rootfs.diff_ids ?? []).entries()) {
    const layer = await store.layers.get(chain);
    if (layer === undefined) {
      throw new Failure("corrupt", `image ${stored.id} needs layer ${chain}, which the store does not have`, {
        hint: "remove the image and pull it again",
      });
    }
    layers.push(await viewLayer(store, layer, kept?.layers[index]));
  }
  return {
    imageId: stored.id,
    configDescriptor: {
      mediaType: kept?.configType ?? mediaTypes.dockerConfig,
      digest: stored.id,
      size: stored.bytes.length,
    },
    layers,
    ...(manifest !== undefined && { manifest }),
    readConfig: async () => stored.bytes,
  };
}

/** `kept`: the layer's descriptor in the manifest that was pulled. */
async function viewLayer(store: Store, layer: StoredLayer, kept: Descriptor | undefined): Promise<LayerView> {
  const { diffId, chainId } = layer;
  const seenAt = await store.maps.seenAt(diffId);
  const openTar = (options: OpenOptions) => store.layers.openTar(chainId, options);
  // A plain tar is always at hand: it is rebuilt, not kept.
  const isPlain = kept?.digest === diffId;
  const blob = isPlain ? kept : await cachedBlob(store, [kept, rememberedBlob(store, diffId)]);
  return {
    diffId,
    seenAt,
    ...(blob !== undefined && { blob }),
    openTar,
    tarSize: () => store.layers.tarSize(chainId),
    async openBlob(options) {
      if (isPlain) return openTar(options);
      const known = blob ?? rememberedBlob(store, diffId);
      if (known === undefined) {
        throw new Failure("not-found", `layer ${shortId(diffId)} has no compressed form here yet`);
      }
      const file = await openCached(store, known);
      return file === undefined ? rebuilt(known, openTar, options) : fileSource(file, options.offset);
    },
    compress: (options) => compressLayer(store, layer, options),
  };
}

/** The first of the descriptors whose blob is in the cache with the right size. */
async function cachedBlob(
  store: Store,
  candidates: readonly (Descriptor | undefined)[],
): Promise<Descriptor | undefined> {
  for (const candidate of candidates) {
    if (candidate === undefined) continue;
    const file = await openCached(store, candidate);
    if (file === undefined) continue;
    try {
      if ((await file.stat()).size === candidate.size) return candidate;
    } finally {
      await file.close();
    }
  }
  return undefined;
}

/**
 * A blob that the cache did not keep (it may be larger than the cache), made again. Ours come out the same, because
 * the compressor has no state but its input; somebody else's do not, and then this ends with `Failure("corrupt")`.
 */
async function* rebuilt(
  blob: Descriptor,
  openTar: LayerView["openTar"],
  { signal, offset = 0 }: OpenOptions,
): ByteSource & AsyncGenerator<Uint8Array> {
  const compressed = compressGzip(await openTar({ signal }), { signal });
  let position = 0;
  for await (const chunk of verify(compressed, { digest: blob.digest, size: blob.size, what: "layer" })) {
    const skipped = Math.min(chunk.length, Math.max(0, offset - position));
    position += chunk.length;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}

/** Compresses the layer into the blob cache, once in all processes. */
async function compressLayer(
  store: Store,
  layer: StoredLayer,
  options: TransferOptions,
): Promise<Descriptor> {
  const { diffId, chainId } = layer;
  const lock = `compress-${hexOf(diffId)}`;
  return store.withLock(lock, () => compressOnce(store, diffId, chainId, options), options.signal);
}

async function compressOnce(
  store: Store,
  diffId: StoredLayer["diffId"],
  chainId: ChainId,
  { signal, report }: TransferOptions,
): Promise<Descriptor> {
  const before = await cachedBlob(store, [rememberedBlob(store, diffId)]);
  if (before !== undefined) return before;
  return withSession(store, async (session) => {
    const path = join(session.directory, "layer.tar.gz");
    const tar = await store.layers.openTar(chainId, { signal });
    const id = shortId(diffId);
    const seen = count(tar, (current) => report?.({ id, status: "Compressing", current }));
    const through = digestThrough(compressGzip(seen, { signal }));
    const size = await toFile(through, path, { mode: 0o600, signal });
    const blob: Descriptor = { mediaType: mediaTypes.dockerLayerGzip, digest: through.digest(), size };
    await store.blobs.adopt(path, blob.digest);
    await rememberBlob(store, diffId, blob);
    return blob;
  });
}

interface KeptManifest {
  readonly configType: string;
  readonly layers: readonly Descriptor[];
}

/** What the kept manifest says of config and layers; it was checked when it was received. */
function readKept(bytes: Uint8Array): KeptManifest {
  const manifest = JSON.parse(Buffer.from(bytes).toString("utf8")) as Manifest;
  return { configType: manifest.config.mediaType, layers: manifest.layers };
}
