/** The end of a receive: what was unpacked becomes visible, bottom first, the name last. */
import { rm } from "node:fs/promises";
import { throwIfCancelled } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import { driverFolder } from "../driver_folder.ts";
import { keepManifest } from "../manifests.ts";
import { imageClaim } from "../recover.ts";
import { referencesLock } from "../release.ts";
import { rememberBlob } from "../layer_blobs.ts";
import { flush } from "./flush.ts";
import type { FetchedLayer, StackLayer, Transfer } from "./types.ts";
import type { VerifiedConfig } from "./read_config.ts";
import type { ImageId } from "../../oci/index.ts";
import type { StagedLayer } from "../types.ts";

/**
 * Registers layers, then blobs, then the image, then its names (behaviours B118, B136). All of it lies flushed on the
 * disk before the first entry appears: everything is written beside, brought to the disk by one flush of the file
 * system, and then renamed into place. Throws `Failure("conflict")` if another program registered one of the layers
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
  using undo = new DisposableStack();
  const staged: StagedLayer[] = [];
  for (const layer of fetched)
    staged.push(undo.adopt(await stageLayer(store, layer), (each) => each.discard()));
  // These facts are true whether or not the image comes to be.
  await rememberSources(transfer, stack);
  for (const each of fetched) await rememberTransferForm(store, each);
  if (staged.length > 0) await flushAll(transfer, fetched, staged);
  transfer.step("flushed");
  throwIfCancelled(signal);
  await session.claim(...fetched.map(({ layer }) => layer.chainId));
  await store.withLock(
    referencesLock,
    async () => {
      for (const [i, each] of staged.entries()) publish(transfer, each, fetched[i] as FetchedLayer);
      if (staged.length > 0) await store.layers.flush();
      for (const each of fetched) await keepBlob(transfer, each);
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

/** The driver's directory, and each part of the root, may be a mount of its own. */
async function flushAll(
  { store, session, writeback }: Transfer,
  fetched: readonly FetchedLayer[],
  staged: readonly StagedLayer[],
): Promise<void> {
  const directories = fetched.slice(0, 1).map(({ layer }) => driverFolder(store, layer.cacheId));
  const entries = staged.slice(0, 1).map(({ directory }) => directory);
  await writeback.finish();
  const flushed = flush([store.root, session.directory, ...directories, ...entries]);
  // Meanwhile, what a first container would wait for. A cache: it need not be flushed.
  const prepared = fetched.slice(-1).map(({ layer }) => store.driver.prepare(layer.cacheId));
  for (const result of await Promise.allSettled([flushed, ...prepared]))
    if (result.status === "rejected") throw result.reason;
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
  if (transfer.names.length === 0) return;
  await transfer.store.names.setAll(transfer.names, transfer.image.imageId);
  transfer.step("name");
}

function stageLayer(store: Transfer["store"], { layer, unpacked }: FetchedLayer): Promise<StagedLayer> {
  const { diffId, cacheId, tarSplit, parent } = layer;
  return store.layers.stage({
    diffId,
    cacheId,
    size: unpacked.size,
    ...(tarSplit !== undefined && { tarSplit }),
    ...(parent !== undefined && { parent }),
  });
}

function publish(transfer: Transfer, staged: StagedLayer, { layer }: FetchedLayer): void {
  if (staged.publish().cacheId !== layer.cacheId) {
    throw new Failure(
      "conflict",
      `layer ${layer.chainId} was registered by another program at the same time`,
    );
  }
  transfer.step("layer");
}

/** Records which blob the layer came from. */
async function rememberTransferForm(
  store: Transfer["store"],
  { layer, unpacked }: FetchedLayer,
): Promise<void> {
  const { blob } = layer.view;
  if (blob !== undefined && unpacked.compression !== "none") await rememberBlob(store, layer.diffId, blob);
}

/** Moves the blob, which lies flushed on the disk, to the cache. */
async function keepBlob(transfer: Transfer, { layer, unpacked, blobFile }: FetchedLayer): Promise<void> {
  const { blob } = layer.view;
  if (blob === undefined || blobFile === undefined) return;
  // A plain tar is rebuilt from its layer at any time: keeping it would be keeping it twice.
  const isKept = transfer.keepBlobs && unpacked.compression !== "none";
  if (isKept) await adopt(transfer, blobFile, blob.digest);
  else await rm(blobFile, { force: true });
  transfer.step("blob");
}

/** The same blob may be two layers of one image, or another process may have moved it: then it is there already. */
async function adopt(transfer: Transfer, file: string, digest: FetchedLayer["unpacked"]["blob"]["digest"]) {
  try {
    await transfer.store.blobs.adopt(file, digest, { flushed: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Where the layers were seen, existing ones too: a push to the same registry then mounts them. */
async function rememberSources(transfer: Transfer, stack: readonly StackLayer[]): Promise<void> {
  const facts = stack.flatMap(({ diffId, view }) => (view.seenAt ?? []).map((seen) => ({ diffId, seen })));
  await transfer.store.maps.addAll(facts);
  transfer.step("maps");
}
