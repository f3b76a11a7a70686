/** All missing layers of an image, fetched and unpacked side by side. */
import { rm } from "node:fs/promises";
import { throwIfCancelled } from "../../bytes/index.ts";
import { downloadBlob, type DownloadedBlob } from "./download_blob.ts";
import { fileSource } from "./file_source.ts";
import { toUnpacker } from "./layer_bytes.ts";
import { isDiskFull } from "../disk_full.ts";
import { dropDamaged } from "./local_blob.ts";
import { Places } from "./places.ts";
import type { FetchedLayer, MissingLayer, Transfer } from "./types.ts";
import { unpackBlob } from "./unpack_blob.ts";
import { unpackTar } from "./unpack_tar.ts";

/**
 * Makes the layers' directories and fills them. The first failure ends all others at once; it is thrown when none of
 * them runs any more. Returns the layers bottom first.
 */
export async function unpackStack(
  transfer: Transfer,
  layers: readonly MissingLayer[],
): Promise<FetchedLayer[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([transfer.signal, stop.signal]);
  const stoppable = { ...transfer, signal };
  const failures: unknown[] = [];
  const fail = (error: unknown): void => {
    failures.push(error);
    stop.abort(error);
  };
  const places = new Places(transfer.concurrency, signal);
  const jobs = transfer.store.driver.independentLayers
    ? await startIndependent(stoppable, layers, places)
    : startDependent(stoppable, layers, places, fail);
  for (const job of jobs) job.catch(fail);
  const results = await Promise.allSettled(jobs);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) {
    const failure = failures[0] ?? failed.reason;
    if (isDiskFull(failure)) await dropPartials(transfer, layers);
    throw failure;
  }
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

/** A transfer that can be resumed is worth less than a machine whose disk is not full. */
async function dropPartials({ store }: Transfer, layers: readonly MissingLayer[]): Promise<void> {
  for (const { view } of layers) {
    if (view.blob !== undefined) await rm(store.blobs.partialPath(view.blob.digest), { force: true });
  }
}

/** Directories first, each on its parent, though that one is still empty; then everything at once. */
async function startIndependent(
  transfer: Transfer,
  layers: readonly MissingLayer[],
  places: Places,
): Promise<Promise<FetchedLayer>[]> {
  for (const layer of layers) {
    await transfer.store.driver.create(layer.cacheId, layer.parentCacheId);
    transfer.step("directory");
  }
  return layers.map(async (layer) => {
    const { blob } = layer.view;
    const fetched = await (blob === undefined
      ? places.run(() => unpackTar(transfer, layer))
      : unpackBlob(transfer, layer, blob, places));
    transfer.step("unpacked");
    return fetched;
  });
}

/** A child starts as a copy of its parent: unpacking goes one by one, but downloads run ahead of it. */
function startDependent(
  transfer: Transfer,
  layers: readonly MissingLayer[],
  places: Places,
  fail: (error: unknown) => void,
): Promise<FetchedLayer>[] {
  let below: Promise<unknown> = Promise.resolve();
  return layers.map((layer) => {
    const { blob } = layer.view;
    const download = blob && places.run(() => downloadBlob(transfer, layer, blob));
    // At once: the one who waits for it may still be waiting for the layer below.
    download?.catch(fail);
    const job = unpackAbove(transfer, layer, below, download);
    below = job;
    return job;
  });
}

async function unpackAbove(
  transfer: Transfer,
  layer: MissingLayer,
  below: Promise<unknown>,
  download: Promise<DownloadedBlob> | undefined,
): Promise<FetchedLayer> {
  // Both are waited for whatever happens: no file stays open and no failure goes unhandled.
  const [parent, blob] = await Promise.allSettled([below, download]);
  try {
    if (blob.status === "rejected") throw blob.reason;
    if (parent.status === "rejected") throw parent.reason;
    throwIfCancelled(transfer.signal);
    await transfer.store.driver.create(layer.cacheId, layer.parentCacheId);
    transfer.step("directory");
    if (blob.value === undefined) return await unpackTar(transfer, layer);
    return await unpackFile(transfer, layer, blob.value);
  } finally {
    if (blob.status === "fulfilled") await blob.value?.file.close().catch(() => undefined);
  }
}

/** Unpacks a blob that was verified on its way into the file. */
async function unpackFile(
  transfer: Transfer,
  layer: MissingLayer,
  { file, path, progress }: DownloadedBlob,
): Promise<FetchedLayer> {
  const stays = { read: file.read.bind(file), close: async () => undefined };
  const unpacked = await transfer.pool
    .unpack({
      target: transfer.store.driver.target(layer.cacheId),
      diffId: layer.diffId,
      ...(layer.tarSplit !== undefined && { tarSplit: layer.tarSplit }),
      open: async (offset) => toUnpacker(fileSource(stays, offset), progress),
      signal: transfer.signal,
    })
    .catch(async (error: unknown) => {
      // The blob is what the manifest says, and yet no layer: it would be refused again.
      throw path === undefined ? error : await dropDamaged(path, error);
    });
  transfer.step("unpacked");
  return { layer, unpacked, ...(path !== undefined && { blobFile: path }) };
}
