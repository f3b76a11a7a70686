/** Layers that come as plain tars: from archives, containers and builds. */
import { Failure } from "../../errors.ts";
import { openTar } from "./layer_bytes.ts";
import { LayerProgress } from "./layer_progress.ts";
import type { FetchedLayer, MissingLayer, Transfer } from "./types.ts";

/** Unpacks the layer's tar. Throws `Failure("corrupt")` in Docker's words for the wrong one (behaviours B106). */
export async function unpackTar(transfer: Transfer, layer: MissingLayer): Promise<FetchedLayer> {
  const progress = new LayerProgress(transfer.report, layer);
  const unpacked = await transfer.pool.unpack({
    target: transfer.store.driver.target(layer.cacheId),
    ...(layer.tarSplit !== undefined && { tarSplit: layer.tarSplit }),
    open: () => openTar(transfer, layer, progress),
    signal: transfer.signal,
  });
  if (unpacked.diffId !== layer.diffId) {
    throw new Failure(
      "corrupt",
      `invalid diffID for layer ${layer.index}: expected "${layer.diffId}", got "${unpacked.diffId}"`,
    );
  }
  return { layer, unpacked };
}
