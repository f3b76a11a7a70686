/** What can be read off a stored image: its layers, its size, its history rows with sizes. */
import { chainIds, type ChainId, type DiffId, type HistoryRow } from "../oci/index.ts";
import { Failure } from "../errors.ts";
import type { Store, StoredImage, StoredLayer } from "../store/index.ts";

/** Chain ID of the image's top layer; undefined for an image without layers. */
export function topChain(image: StoredImage): ChainId | undefined {
  return chainIds(image.config.rootfs.diff_ids ?? []).at(-1);
}

/** The image's layers, bottom first. Throws `Failure("corrupt")` if the store lacks one of them. */
export function layersOf(store: Store, image: StoredImage): Promise<StoredLayer[]> {
  return stackOf(store, image.config.rootfs.diff_ids ?? [], `image ${image.id}`);
}

/**
 * Layers by the diff IDs of a stack, bottom first. Throws `Failure("corrupt")` if the store lacks one of them.
 * @param whose who needs them, for the message
 */
export async function stackOf(
  store: Store,
  diffIds: readonly DiffId[],
  whose = "a stage of the build",
): Promise<StoredLayer[]> {
  const layers: StoredLayer[] = [];
  for (const chain of chainIds(diffIds)) {
    const layer = await store.layers.get(chain);
    if (layer === undefined) {
      throw new Failure("corrupt", `${whose} needs layer ${chain}, which the store does not have`, {
        hint: "remove the image and pull it again",
      });
    }
    layers.push(layer);
  }
  return layers;
}

/** Docker's image size in bytes: the sum over its layers (behaviours B135). */
export async function sizeOf(store: Store, image: StoredImage): Promise<number> {
  return (await layersOf(store, image)).reduce((sum, layer) => sum + layer.size, 0);
}

/** A history row beside the layer that it made, oldest first. */
export interface HistoryStep {
  readonly row: HistoryRow;
  readonly layer?: StoredLayer;
}

/**
 * Pairs rows and layers. Rows marked `empty_layer` have none; a history that is shorter than the stack is filled with
 * blank rows, one a layer, so that no byte goes unmentioned.
 */
export async function historySteps(store: Store, image: StoredImage): Promise<HistoryStep[]> {
  const layers = await layersOf(store, image);
  const steps: HistoryStep[] = [];
  let next = 0;
  for (const row of image.config.history ?? []) {
    const layer = row.empty_layer === true ? undefined : layers[next++];
    steps.push(layer === undefined ? { row } : { row, layer });
  }
  for (; next < layers.length; next++) steps.push({ row: {}, layer: layers[next] as StoredLayer });
  return steps;
}
