/** A damaged layer, put right alone: the images, containers and layers that stand on it stay as they are. */
import { renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { fromFile, type ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { dropShared, isTarTarget, unpackHere, type TarTarget } from "../layer/index.ts";
import { hexOf, type ChainId } from "../oci/index.ts";
import { syncDirectory } from "./atomic_write.ts";
import { rememberedBlob } from "./layer_blobs.ts";
import { optimizeLock } from "./optimize.ts";
import type { Store } from "./types.ts";

/** Where a layer's bytes may be had; compressed or not is found out. */
export interface LayerSource {
  /** For people: `blob cache`, the name of an image. */
  readonly name: string;
  open(): Promise<ByteSource>;
}

/** The layer's compressed blob, if the cache has it. */
export async function cachedSource(store: Store, chainId: ChainId): Promise<LayerSource | undefined> {
  const layer = await store.layers.get(chainId);
  const blob = layer && rememberedBlob(store, layer.diffId);
  const path = blob && (await store.blobs.get(blob.digest));
  return path === undefined ? undefined : { name: "blob cache", open: async () => fromFile(path) };
}

/**
 * Writes the layer's tar anew beside the damaged one, verified against its diff ID, and puts it in its place. A container
 * that has the image mounted sees it when it is started again. Throws `Failure("unsupported")` where layers are unpacked:
 * there containers look into the directory that would have to go.
 */
export async function repairLayer(
  store: Store,
  chainId: ChainId,
  source: LayerSource,
  signal: AbortSignal,
): Promise<void> {
  const layer = await store.layers.get(chainId);
  if (layer === undefined) throw new Failure("not-found", `no layer ${chainId}`);
  const target = store.driver.target(layer.cacheId);
  if (!isTarTarget(target))
    throw new Failure("unsupported", `cannot repair layer ${chainId} under the driver ${store.driver.name}`, {
      hint: "Remove the images that use the layer and pull them again.",
    });
  await alone(
    store,
    chainId,
    async () => {
      const fresh = { tar: `${target.tar}.fresh`, catalog: `${target.catalog}.fresh` };
      try {
        await unpackHere({ target: fresh, diffId: layer.diffId, open: () => source.open(), signal });
        await replace(fresh, target);
      } finally {
        for (const path of [fresh.tar, fresh.catalog]) rmSync(path, { force: true });
      }
    },
    signal,
  );
}

/** Neither twice, nor while parts are taken out of tars. */
function alone(
  store: Store,
  chainId: ChainId,
  work: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const once = (): Promise<void> => store.withLock(`repair-${hexOf(chainId)}`, work, signal);
  return store.withLock(optimizeLock, once, signal);
}

/** The catalog first: both are of one tar, so an old and a new one say the same, or the old one is damaged. */
async function replace(fresh: TarTarget, target: TarTarget): Promise<void> {
  renameSync(fresh.catalog, target.catalog);
  renameSync(fresh.tar, target.tar);
  await syncDirectory(dirname(target.tar));
  // This tar has all its bytes itself.
  dropShared(target);
}
