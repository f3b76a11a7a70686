/** `image prune`: removes dangling images, or with `all` every image that no container uses. */
import { isFailure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { imagesOf } from "../containers/image_mounts.ts";
import { listRecords } from "../containers/record.ts";
import { listImages, type ImageSummary } from "./list.ts";
import { removeImage, type RemovedLine } from "./remove.ts";

export interface PruneResult {
  readonly removed: readonly RemovedLine[];
  /** Bytes of the layers that went. */
  readonly spaceReclaimed: number;
}

export interface PruneOptions {
  readonly all?: boolean;
  /** Only those that it says yes to. */
  readonly only?: (image: ImageSummary) => boolean;
}

/**
 * Removes what nobody uses: images without a tag, with `all` also tagged ones. An image that is in use after all is
 * left alone (moby, daemon/images/image_prune.go).
 */
export async function pruneImages(store: Store, options: PruneOptions = {}): Promise<PruneResult> {
  const candidates = await listImages(store, options.all === true ? {} : { dangling: true });
  const used = new Set((await listRecords(store.root)).flatMap(imagesOf));
  const removed: RemovedLine[] = [];
  const before = await layerBytes(store);
  for (const candidate of candidates) {
    if (used.has(candidate.id) || options.only?.(candidate) === false) continue;
    const names = [...candidate.repoTags, ...candidate.repoDigests];
    for (const name of names.length > 0 ? names : [candidate.id])
      removed.push(...(await removeUnused(store, name)));
  }
  return { removed, spaceReclaimed: before - (await layerBytes(store)) };
}

/** A digest name may have gone with its tag already; an image may have come into use since the list was made. */
async function removeUnused(store: Store, name: string): Promise<RemovedLine[]> {
  try {
    return await removeImage(store, name);
  } catch (error) {
    if (isFailure(error, "not-found") || isFailure(error, "conflict")) return [];
    throw error;
  }
}

async function layerBytes(store: Store): Promise<number> {
  let bytes = 0;
  for (const chain of await store.layers.list()) bytes += (await store.layers.get(chain))?.size ?? 0;
  return bytes;
}
