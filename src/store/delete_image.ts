/** The end of an image: config, metadata, kept manifest and the layers that only it had. */
import { chainIds, type ChainId, type ImageId } from "../oci/index.ts";
import { forgetManifest } from "./manifests.ts";
import { forgetUnused, layerUsers, referencesLock, removeDirectories } from "./release.ts";
import { openSession } from "./sessions.ts";
import type { Store } from "./types.ts";

/**
 * Removes the image, whose names the caller has taken away, and returns the chain IDs of the layers that went with it,
 * top first. A process that is killed meanwhile leaves a dead session with its claims, so the next garbage collection
 * finishes the work at once. An unknown image frees nothing.
 */
export async function deleteImage(store: Store, id: ImageId): Promise<ChainId[]> {
  const session = await openSession(store);
  try {
    const freed = await store.withLock(referencesLock, async () => {
      const image = await store.images.get(id);
      const chain = chainIds(image?.config.rootfs.diff_ids ?? []);
      await session.claim(...chain);
      await store.images.remove(id);
      await forgetManifest(store, id);
      const top = chain.at(-1);
      return top === undefined ? [] : forgetUnused(store, top, await layerUsers(store, session), session);
    });
    await removeDirectories(store, freed, session);
    await session.finish();
    return freed.map((layer) => layer.chainId);
  } catch (error) {
    session.abandon();
    throw error;
  }
}
