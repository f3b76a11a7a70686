/** A layer that was unpacked and not flushed becomes one of the store. */
import { driverFolder } from "./driver_folder.ts";
import { flush } from "./receive/flush.ts";
import type { NewLayer, Store, StoredLayer } from "./types.ts";

/**
 * As `LayerDb.register`, but the driver's directory need not be on the disk yet: one flush brings both there, the content
 * and the staged entry, before the entry appears. A flush for each file would take several times as long.
 */
export async function registerUnflushed(store: Store, layer: NewLayer): Promise<StoredLayer> {
  const staged = await store.layers.stage(layer);
  try {
    await flush([driverFolder(store, layer.cacheId), staged.directory]);
    const stored = staged.publish();
    await store.layers.flush();
    return stored;
  } finally {
    staged.discard();
  }
}
