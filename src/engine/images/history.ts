/** `history`: how an image came to be, newest row first (behaviours 5.1). */
import { historySteps } from "../../image/index.ts";
import { chainIds, familiarReference, type HistoryRow, type ImageId } from "../../oci/index.ts";
import type { Store, StoredImage } from "../../store/index.ts";

export interface HistoryLine {
  /** Where an image of this store ends at this row; else undefined, shown as `<missing>`. */
  readonly id?: ImageId;
  readonly created?: string;
  readonly createdBy: string;
  /** Bytes of the row's layer; 0 for a row without one. */
  readonly size: number;
  readonly comment: string;
  readonly tags: readonly string[];
  /** Chain ID of the layer that the row made. */
  readonly layer?: string;
}

/**
 * The rows of an image, newest first. The image's own ID stands at its first row; further down, IDs follow the
 * parents that were built or committed here (behaviours B082).
 */
export async function imageHistory(store: Store, image: StoredImage): Promise<HistoryLine[]> {
  const steps = (await historySteps(store, image)).reverse();
  const owners = await rowOwners(store, image, steps.length);
  const lines: HistoryLine[] = [];
  for (const [index, { row, layer }] of steps.entries()) {
    const owner = owners.get(index);
    const tags = owner === undefined ? [] : await store.names.namesOf(owner);
    lines.push({
      ...(owner !== undefined && { id: owner }),
      ...describe(row),
      size: layer?.size ?? 0,
      tags: tags.filter((name) => name.digest === undefined).map(familiarReference),
      ...(layer !== undefined && { layer: layer.chainId }),
    });
  }
  return lines;
}

function describe(row: HistoryRow): Pick<HistoryLine, "created" | "createdBy" | "comment"> {
  return {
    ...(row.created !== undefined && { created: row.created }),
    createdBy: row.created_by ?? "",
    comment: row.comment ?? "",
  };
}

/** Row (newest first) to the image that ends there. A parent's history is a prefix of its child's. */
async function rowOwners(store: Store, image: StoredImage, rows: number): Promise<Map<number, ImageId>> {
  const owners = new Map<number, ImageId>([[0, image.id]]);
  let below = image.parent;
  while (below !== undefined) {
    const parent = await store.images.get(below);
    if (parent === undefined) break;
    const row = rows - rowCount(parent);
    if (row > 0 && row < rows) owners.set(row, parent.id);
    below = parent.parent;
  }
  return owners;
}

function rowCount(image: StoredImage): number {
  const history = image.config.history ?? [];
  const layersInHistory = history.filter((row) => row.empty_layer !== true).length;
  const layers = chainIds(image.config.rootfs.diff_ids ?? []).length;
  return history.length + Math.max(0, layers - layersInHistory);
}
