/** Download and unpacking in one pass, for drivers whose layers do not wait for one another. */
import { readdirSync } from "node:fs";
import { fromText } from "../../byte_string.ts";
import { removeTree } from "../../sys/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import { holdBlob } from "./blob_lock.ts";
import { fileSource } from "./file_source.ts";
import { openBlob } from "./layer_bytes.ts";
import { LayerProgress } from "./layer_progress.ts";
import { dropDamaged, isDamaged, openCached, partialFile } from "./local_blob.ts";
import type { FetchedLayer, MissingLayer, Transfer } from "./types.ts";

/**
 * Fetches a layer's blob and unpacks it into the layer's directory, which must be empty. What the cache or an earlier
 * attempt holds is not fetched; if that turns out damaged it is dropped and, once, all is fetched anew.
 */
export async function unpackBlob(
  transfer: Transfer,
  layer: MissingLayer,
  blob: Descriptor,
): Promise<FetchedLayer> {
  await using locks = new AsyncDisposableStack();
  locks.use(await holdBlob(transfer, blob.digest));
  const fromCache = await unpackCached(transfer, layer, blob);
  if (fromCache !== undefined) return fromCache;
  if (!transfer.keepBlobs) return unpackStream(transfer, layer, blob);
  const partial = await partialFile(transfer.store, blob);
  try {
    return await unpackStream(transfer, layer, blob, partial.path);
  } catch (error) {
    await dropDamaged(partial.path, error);
    if (!isDamaged(error) || partial.size === 0) throw error;
  }
  emptyTarget(transfer, layer);
  try {
    return await unpackStream(transfer, layer, blob, partial.path);
  } catch (error) {
    await dropDamaged(partial.path, error);
    throw error;
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
  try {
    const unpacked = await pool.unpack({
      ...jobOf(transfer, layer, blob),
      open: async (offset) => fileSource(file, offset),
      signal,
    });
    progress.end();
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

async function unpackStream(
  transfer: Transfer,
  layer: MissingLayer,
  blob: Descriptor,
  partial?: string,
): Promise<FetchedLayer> {
  const progress = new LayerProgress(transfer.report, layer);
  const unpacked = await transfer.pool.unpack({
    ...jobOf(transfer, layer, blob),
    ...(partial !== undefined && { partial }),
    open: (offset) => openBlob(transfer, layer, blob, progress, offset),
    signal: transfer.signal,
  });
  // A blob that an earlier attempt brought whole is never opened.
  progress.end();
  return { layer, unpacked, ...(partial !== undefined && { blobFile: partial }) };
}

function jobOf(transfer: Transfer, layer: MissingLayer, blob: Descriptor) {
  return {
    target: transfer.store.driver.target(layer.cacheId),
    blob: { digest: blob.digest, size: blob.size },
    diffId: layer.diffId,
    tarSplit: layer.tarSplit,
  };
}

/** The directory itself stays: the short links of layers above lead to it. */
function emptyTarget(transfer: Transfer, layer: MissingLayer): void {
  const directory = fromText(transfer.store.driver.target(layer.cacheId).directory);
  for (const name of readdirSync(Buffer.from(directory, "latin1"), { encoding: "latin1" })) {
    removeTree(`${directory}/${name}`);
  }
}
