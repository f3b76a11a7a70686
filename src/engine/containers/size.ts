/** How many bytes a container's writable layer holds. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../store/index.ts";

/**
 * Bytes of files in the writable layer, every inode once, symlinks by the length of their target; for a driver
 * whose layers are full copies, what lies there beyond the parent.
 */
export async function writableSize(store: Store, containerId: string): Promise<number> {
  const layer = await store.containers.get(containerId);
  if (layer === undefined) return 0;
  const own = directorySize(store.driver.target(layer.mountId).directory);
  if (store.driver.independentLayers) return own;
  return Math.max(0, own - directorySize(store.driver.target(layer.initId).directory));
}

/**
 * The writable layer, and that with all layers below it. Read off the layers: the image may have been removed by
 * force since.
 */
export async function containerSizes(
  store: Store,
  containerId: string,
): Promise<{ readonly sizeRw: number; readonly sizeRootFs: number }> {
  const sizeRw = await writableSize(store, containerId);
  let sizeRootFs = sizeRw;
  let below = (await store.containers.get(containerId))?.parent;
  while (below !== undefined) {
    const layer = await store.layers.get(below);
    sizeRootFs += layer?.size ?? 0;
    below = layer?.parent;
  }
  return { sizeRw, sizeRootFs };
}

function directorySize(directory: string): number {
  const seen = new Set<number>();
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() && !entry.isSymbolicLink()) continue;
    const { ino, nlink, size } = lstatSync(join(entry.parentPath, entry.name));
    if (nlink > 1 && seen.has(ino)) continue;
    seen.add(ino);
    bytes += size;
  }
  return bytes;
}
