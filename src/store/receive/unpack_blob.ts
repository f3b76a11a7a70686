/** Download and unpacking side by side, for drivers whose layers do not wait for one another. */
import { readdirSync } from "node:fs";
import { fromText } from "../../byte_string.ts";
import { isTarTarget } from "../../layer/index.ts";
import { removeTree } from "../../sys/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import { holdBlob } from "./blob_lock.ts";
import { fileSource } from "./file_source.ts";
import { openBlob, toUnpacker } from "./layer_bytes.ts";
import { LayerProgress } from "./layer_progress.ts";
import type { Places } from "./places.ts";
import { Spool } from "./spool.ts";
import { dropDamaged, isDamaged, openCached, partialFile } from "./local_blob.ts";
import type { FetchedLayer, MissingLayer, Transfer } from "./types.ts";

/**
 * Fetches a layer's blob and unpacks it, side by side, into the layer's directory, which must be empty. The download has
 * one of `places`; it does not wait for the unpacking, so that little is lost when the process is killed. What the cache
 * or an earlier attempt holds is not fetched; if that turns out damaged it is dropped and, once, all is fetched anew.
 */
export async function unpackBlob(
  transfer: Transfer,
  layer: MissingLayer,
  blob: Descriptor,
  places: Places,
): Promise<FetchedLayer> {
  using place = await places.take();
  await using held = new AsyncDisposableStack();
  held.use(await holdBlob(transfer, blob.digest));
  const fromCache = await unpackCached(transfer, layer, blob);
  if (fromCache !== undefined) return fromCache;
  if (!transfer.keepBlobs) return unpackStream(transfer, layer, blob);
  const { path } = await partialFile(transfer.store, blob);
  let progress = new LayerProgress(transfer.report, layer);
  const onUsed = (bytes: number): void => {
    progress.unpacked(bytes);
    transfer.writeback.unpacked(bytes);
  };
  const spool = held.use(new Spool(path, onUsed));
  const kept = spool.size;
  try {
    return await unpackSpool(transfer, layer, blob, { spool, progress, place });
  } catch (error) {
    if (!isDamaged(error) || kept === 0) throw await dropDamaged(path, error);
  }
  emptyTarget(transfer, layer);
  spool.restart();
  progress = new LayerProgress(transfer.report, layer);
  try {
    return await unpackSpool(transfer, layer, blob, { spool, progress, place });
  } catch (error) {
    throw await dropDamaged(path, error);
  }
}

/** Undefined if the blob is not in the cache, or not whole there: then it is dropped. */
async function unpackCached(
  transfer: Transfer,
  layer: MissingLayer,
  blob: Descriptor,
): Promise<FetchedLayer | undefined> {
  const { store, signal, pool } = transfer;
  const file = await openCached(store, blob);
  if (file === undefined) return undefined;
  const progress = new LayerProgress(transfer.report, layer);
  progress.begin(blob.size);
  progress.complete();
  try {
    const unpacked = await pool.unpack({
      ...jobOf(transfer, layer, blob),
      open: async (offset) => toUnpacker(fileSource(file, offset), progress),
      signal,
    });
    return { layer, unpacked };
  } catch (error) {
    if (!isDamaged(error)) throw error;
    await store.blobs.remove(blob.digest);
    emptyTarget(transfer, layer);
    return undefined;
  } finally {
    await file.close().catch(() => undefined);
  }
}

/** Straight from the source to the unpacker, keeping nothing. */
async function unpackStream(
  transfer: Transfer,
  layer: MissingLayer,
  blob: Descriptor,
): Promise<FetchedLayer> {
  const progress = new LayerProgress(transfer.report, layer);
  const unpacked = await transfer.pool.unpack({
    ...jobOf(transfer, layer, blob),
    open: (offset) => openBlob(transfer, layer, blob, progress, offset),
    signal: transfer.signal,
  });
  return { layer, unpacked };
}

interface SpooledBlob {
  readonly spool: Spool;
  readonly progress: LayerProgress;
  /** Given back when the download is over. */
  readonly place: Disposable;
}

/** The download fills the spool, the unpacker follows it; each ends the other when it fails. */
async function unpackSpool(
  transfer: Transfer,
  layer: MissingLayer,
  blob: Descriptor,
  { spool, progress, place }: SpooledBlob,
): Promise<FetchedLayer> {
  const stop = new AbortController();
  const stoppable = { ...transfer, signal: AbortSignal.any([transfer.signal, stop.signal]) };
  let failed: { readonly error: unknown } | undefined;
  const download = fill(stoppable, layer, blob, spool, progress)
    .catch((error: unknown) => {
      if (!stop.signal.aborted) failed = { error };
      stop.abort(error);
    })
    .finally(() => place[Symbol.dispose]());
  try {
    const unpacked = await transfer.pool.unpack({
      ...jobOf(transfer, layer, blob),
      open: async () => spool.read(stoppable.signal),
      file: spool,
      signal: stoppable.signal,
    });
    return { layer, unpacked, blobFile: spool.path };
  } catch (error) {
    stop.abort(error);
    await download;
    throw failed === undefined ? error : failed.error;
  } finally {
    await download;
  }
}

async function fill(
  transfer: Transfer,
  layer: MissingLayer,
  blob: Descriptor,
  spool: Spool,
  progress: LayerProgress,
): Promise<void> {
  await spool.fill(await openBlob(transfer, layer, blob, progress, spool.size));
}

function jobOf(transfer: Transfer, layer: MissingLayer, blob: Descriptor) {
  return {
    target: transfer.store.driver.target(layer.cacheId),
    blob: { digest: blob.digest, size: blob.size },
    diffId: layer.diffId,
    ...(layer.tarSplit !== undefined && { tarSplit: layer.tarSplit }),
  };
}

/** The directory itself stays: the short links of layers above lead to it. */
function emptyTarget(transfer: Transfer, layer: MissingLayer): void {
  const target = transfer.store.driver.target(layer.cacheId);
  // A tar is written anew.
  if (isTarTarget(target)) return;
  const directory = fromText(target.directory);
  for (const name of readdirSync(Buffer.from(directory, "latin1"), { encoding: "latin1" })) {
    removeTree(`${directory}/${name}`);
  }
}
