/** `image prune`: removes dangling images, or with `all` every image that no container uses. */
import { isFailure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { listRecords } from "../containers/record.ts";
import { listImages } from "./list.ts";
import { removeImage, type RemovedLine } from "./remove.ts";

export interface PruneResult {
  readonly removed: readonly RemovedLine[];
  /** Bytes of the layers that went. */
  readonly spaceReclaimed: number;
}

/** Removes what nobody uses; an image that is in use after all is left alone. */
export async function pruneImages(
  store: Store,
  options: { readonly all?: boolean } = {},
): Promise<PruneResult> {
  const used = new Set((await listRecords(store.root)).map((record) => record.Image));
  const candidates = await listImages(store, options.all === true ? {} : { dangling: true });
  const removed: RemovedLine[] = [];
  const before = await layerBytes(store);
  for (const candidate of candidates) {
    if (used.has(candidate.id)) continue;
    try {
      const names = [...candidate.repoTags, ...candidate.repoDigests];
      for (const name of names.length > 0 ? names : [candidate.id])
        removed.push(...(await removeKnown(store, name)));
    } catch (error) {
      if (!isFailure(error, "conflict")) throw error;
    }
  }
  return { removed, spaceReclaimed: before - (await layerBytes(store)) };
}

/** A digest name may have gone with its tag already. */
async function removeKnown(store: Store, name: string): Promise<RemovedLine[]> {
  try {
    return await removeImage(store, name);
  } catch (error) {
    if (isFailure(error, "not-found")) return [];
    throw error;
  }
}

async function layerBytes(store: Store): Promise<number> {
  let bytes = 0;
  for (const chain of await store.layers.list()) bytes += (await store.layers.get(chain))?.size ?? 0;
  return bytes;
}
