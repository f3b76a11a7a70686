/** The end of a receive: what was unpacked becomes visible, bottom first, the name last. */
import { rm } from "node:fs/promises";
import { throwIfCancelled } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import { keepManifest } from "../manifests.ts";
import { imageClaim } from "../recover.ts";
import { referencesLock } from "../release.ts";
import { rememberBlob } from "../layer_blobs.ts";
import { flush } from "./flush.ts";
import type { FetchedLayer, StackLayer, Transfer } from "./types.ts";
import type { VerifiedConfig } from "./read_config.ts";
import type { ImageId } from "../../oci/index.ts";

/**
 * Registers layers, then blobs, then the image, then its names (behaviours B118, B136). All of it lies flushed on the
 * disk before the first entry appears. Throws `Failure("conflict")` if another program registered one of the layers
 * meanwhile: then what stands on ours has the wrong parent.
 */
export async function registerImage(
  transfer: Transfer,
  stack: readonly StackLayer[],
  fetched: readonly FetchedLayer[],
  config: VerifiedConfig,
  parent: ImageId | undefined,
): Promise<void> {
  const { store, session, image, signal } = transfer;
  await flushAll(store, fetched);
  transfer.step("flushed");
  throwIfCancelled(signal);
  await session.claim(...fetched.map(({ layer }) => layer.chainId));
  await store.withLock(
    referencesLock,
    async () => {
      for (const layer of fetched) await registerLayer(transfer, layer);
      await Promise.all(fetched.map((layer) => rememberLayer(transfer, layer)));
      await rememberSources(transfer, stack);
      const diffIds = stack.map(({ diffId }) => diffId);
      await keepManifest(store, image, diffIds);
      transfer.step("manifest");
      if ((await knownImage(transfer)) === undefined) await session.claim(imageClaim(image.imageId));
      await store.images.put(config.bytes, parent === undefined ? {} : { parent });
      transfer.step("image");
      await setNames(transfer);
    },
    signal,
  );
}

/** The driver's directory may be a mount of its own. */
async function flushAll(store: Transfer["store"], fetched: readonly FetchedLayer[]): Promise<void> {
  const [first] = fetched;
  if (first === undefined) return;
  await flush([store.root, store.driver.target(first.layer.cacheId).directory]);
}

/** The image if it can be read; a damaged config is replaced. */
export async function knownImage({ store, image }: Pick<Transfer, "store" | "image">) {
  try {
    return await store.images.get(image.imageId);
  } catch (error) {
    if (error instanceof Failure && error.kind === "corrupt") return undefined;
    throw error;
  }
}

/** Gives the image its names, the last step of all. */
export async function setNames(
  transfer: Pick<Transfer, "store" | "image" | "names" | "step">,
): Promise<void> {
  for (const name of transfer.names) {
    await transfer.store.names.set(name, transfer.image.imageId);
    transfer.step("name");
  }
}

async function registerLayer(transfer: Transfer, { layer, unpacked }: FetchedLayer): Promise<void> {
  const { cacheId, tarSplit, parent } = layer;
  const registered = await transfer.store.layers.register({
    diffId: layer.diffId,
    cacheId,
    tarSplit,
    size: unpacked.size,
    ...(parent !== undefined && { parent }),
  });
  if (registered.cacheId !== cacheId) {
    throw new Failure(
      "conflict",
      `layer ${layer.chainId} was registered by another program at the same time`,
    );
  }
  transfer.step("layer");
}

/** Records which blob the layer came from, and moves the blob to the cache. */
async function rememberLayer(transfer: Transfer, fetched: FetchedLayer): Promise<void> {
  const { layer, unpacked, blobFile } = fetched;
  const { store } = transfer;
  const { blob } = layer.view;
  if (blob === undefined) return;
  if (blobFile !== undefined && !transfer.keepBlobs) await rm(blobFile, { force: true });
  // A plain tar is rebuilt from its layer at any time: keeping it would be keeping it twice.
  else if (blobFile !== undefined && unpacked.compression === "none") await rm(blobFile, { force: true });
  else if (blobFile !== undefined) await adopt(transfer, blobFile, blob.digest);
  if (unpacked.compression !== "none") await rememberBlob(store, layer.diffId, blob);
  transfer.step("blob");
}

/** The same blob may be two layers of one image, or another process may have moved it: then it is there already. */
async function adopt(transfer: Transfer, file: string, digest: FetchedLayer["unpacked"]["blob"]["digest"]) {
  try {
    await transfer.store.blobs.adopt(file, digest);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Where the layers were seen, existing ones too: a push to the same registry then mounts them. */
async function rememberSources(transfer: Transfer, stack: readonly StackLayer[]): Promise<void> {
  for (const { diffId, view } of stack) {
    for (const seen of view.seenAt ?? []) await transfer.store.maps.add(diffId, seen);
  }
  transfer.step("maps");
}
