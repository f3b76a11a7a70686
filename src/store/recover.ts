/** Taking back what an operation had begun when it failed, or when its process died. */
import { isDigest, type ChainId, type ImageId } from "../oci/index.ts";
import { endMountsIn, endUnusedMounts } from "./gc/end_unused_mounts.ts";
import { forgetManifest } from "./manifests.ts";
import { forgetUnused, layerUsers, referencesLock, removeDirectories } from "./release.ts";
import { listIfThere } from "./read_small.ts";
import { readSessions, sessionsFolder, type Session } from "./sessions.ts";
import type { Store, StoredLayer } from "./types.ts";

const imagePrefix = "image:";

/** How a session claims an image that it is about to store. */
export function imageClaim(id: ImageId): string {
  return imagePrefix + id;
}

/** What a list of claims names, by kind. */
export interface Claimed {
  readonly images: ReadonlySet<ImageId>;
  readonly chains: ReadonlySet<ChainId>;
  readonly directories: ReadonlySet<string>;
}

/** Sorts claims by kind. */
export function sortClaims(claims: Iterable<string>): Claimed {
  const images = new Set<ImageId>();
  const chains = new Set<ChainId>();
  const directories = new Set<string>();
  for (const claim of claims) {
    const image = claim.startsWith(imagePrefix) ? claim.slice(imagePrefix.length) : "";
    if (isDigest(image)) images.add(image);
    else if (isDigest(claim)) chains.add(claim);
    else if (/^[0-9a-f]{64}(-init)?$/.test(claim)) directories.add(claim);
  }
  return { images, chains, directories };
}

/**
 * Takes back what `session` claims and nothing in the store refers to: images without a name, then layers without a
 * user, then directories without a layer.
 */
export async function recoverClaims(store: Store, session: Session): Promise<void> {
  if (session.claims.size === 0) return;
  const claimed = sortClaims(session.claims);
  const freed = await store.withLock(referencesLock, async () => {
    for (const id of claimed.images) {
      if (await isUnfinished(store, id)) {
        await store.images.remove(id);
        await forgetManifest(store, id);
      }
    }
    const users = await layerUsers(store, session);
    const layers: StoredLayer[] = [];
    // Newest claim first: children stand on parents.
    for (const chain of [...claimed.chains].reverse()) {
      layers.push(...(await forgetUnused(store, chain, users, session)));
    }
    return layers;
  });
  await removeDirectories(store, freed, session);
  const referred = await referredDirectories(store);
  for (const id of claimed.directories) {
    if (!referred.has(id)) await store.driver.remove(id);
  }
}

/**
 * What dead sessions have left that others would see: images that were stored and not yet named (behaviours B118), and
 * mounts. Done whenever a store is opened; costs one look at a directory where nothing died. The rest is left to gc.
 */
export async function hideUnfinished(store: Store): Promise<void> {
  if (listIfThere(sessionsFolder(store)).length === 0) return;
  const { dead } = await readSessions(store);
  const { images, directories } = sortClaims(dead.flatMap(({ claims }) => [...claims]));
  for (const { directory } of dead) endMountsIn(directory);
  if (directories.size > 0) await endUnusedMounts(store, directories);
  if (images.size === 0) return;
  await store.withLock(referencesLock, async () => {
    const { live } = await readSessions(store);
    for (const id of images) {
      if (live.has(imageClaim(id)) || !(await isUnfinished(store, id))) continue;
      await store.images.remove(id);
      await forgetManifest(store, id);
    }
  });
}

/** Whether an image that a session was about to name has no name and no child: nobody has seen it. */
export async function isUnfinished(store: Store, id: ImageId): Promise<boolean> {
  if ((await store.images.get(id)) === undefined) return false;
  if ((await store.names.namesOf(id)).length > 0) return false;
  for (const other of await store.images.list()) {
    if ((await store.images.get(other))?.parent === id) return false;
  }
  return true;
}

/** Every driver directory that a layer or a container has. */
export async function referredDirectories(store: Store): Promise<Set<string>> {
  const referred = new Set<string>();
  for (const chain of await store.layers.list()) {
    const layer = await store.layers.get(chain);
    if (layer !== undefined) referred.add(layer.cacheId);
  }
  for (const id of await store.containers.list()) {
    const container = await store.containers.get(id);
    if (container !== undefined) referred.add(container.mountId).add(container.initId);
  }
  return referred;
}
