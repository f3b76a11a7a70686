/** Images, layers and driver directories that nothing refers to. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { chainIds, hexOf, type ChainId, type ImageId } from "../../oci/index.ts";
import { driverFolder, driverPaths } from "../driver_folder.ts";
import { forgetManifest } from "../manifests.ts";
import { storePaths } from "../paths.ts";
import { isUnfinished, referredDirectories, sortClaims, type Claimed } from "../recover.ts";
import { forgetUnused, isNeeded, layerUsers, referencesLock, type LayerUsers } from "../release.ts";
import { readSessions, type Session } from "../sessions.ts";
import type { Store, StoredLayer } from "../types.ts";
import { findStrayHolds } from "./find_stray_holds.ts";
import type { Garbage } from "./types.ts";

export interface FindOptions {
  /** Milliseconds: younger things that nobody claims are left alone. */
  readonly grace: number;
  /** Without it, images and layers are taken out of the databases here, under the lock. */
  readonly dryRun: boolean;
}

/**
 * Finds them under the lock under which references change. Images and layers leave the databases at once (unless
 * `dryRun`), claimed by `session`; the slow removal of directories is left to the caller.
 */
export async function findReferences(
  store: Store,
  session: Session,
  options: FindOptions,
): Promise<Garbage[]> {
  return store.withLock(referencesLock, async () => {
    // The order matters: things, then claims, then references (see readSessions).
    const directories = await store.driver.list();
    const { live, dead } = await readSessions(store, session);
    const claimed = sortClaims(dead.flatMap(({ claims }) => [...claims]));
    const images = await unfinishedImages(store, claimed, live, options.dryRun);
    const holds = findStrayHolds(store, options.dryRun);
    const users = await layerUsers(store, session);
    if (options.dryRun) await pretendGone(store, images, users);
    const layers = await unusedLayers(store, session, users, { ...options, claimed });
    const referred = await referredDirectories(store);
    const known = new Set([...referred, ...live, ...layers.map((layer) => layer.cacheId)]);
    const orphans = directories.filter(
      (id) =>
        !known.has(id) && (claimed.directories.has(id) || isOld(driverFolder(store, id), options.grace)),
    );
    if (!options.dryRun) await session.claim(...orphans);
    return [
      ...holds,
      ...images.map(imageGarbage(store)),
      ...layers.map(layerGarbage(store)),
      ...orphans.map(directoryGarbage(store)),
    ];
  });
}

/** Images that a dead operation had stored and not yet named. */
async function unfinishedImages(
  store: Store,
  claimed: Claimed,
  live: ReadonlySet<string>,
  dryRun: boolean,
): Promise<ImageId[]> {
  const unfinished: ImageId[] = [];
  for (const id of claimed.images) {
    if (live.has(`image:${id}`) || !(await isUnfinished(store, id))) continue;
    unfinished.push(id);
    if (!dryRun) await store.images.remove(id);
  }
  return unfinished;
}

/** A dry run leaves the images where they are; their layers must look unused all the same. */
async function pretendGone(store: Store, images: readonly ImageId[], users: LayerUsers): Promise<void> {
  if (images.length === 0) return;
  for (const id of images) {
    for (const chain of await chainOf(store, id)) users.held.delete(chain);
  }
  for (const id of await store.images.list()) {
    if (images.includes(id)) continue;
    for (const chain of await chainOf(store, id)) users.held.add(chain);
  }
}

async function chainOf(store: Store, id: ImageId): Promise<ChainId[]> {
  return chainIds((await store.images.get(id))?.config.rootfs.diff_ids ?? []);
}

/** Layers on which nothing stands, with those below that only they needed, top first. */
async function unusedLayers(
  store: Store,
  session: Session,
  users: LayerUsers,
  options: FindOptions & { readonly claimed: Claimed },
): Promise<StoredLayer[]> {
  const paths = storePaths(store.root, store.driver.name);
  const unused: StoredLayer[] = [];
  for (const chain of await store.layers.list()) {
    if (isNeeded(users, chain)) continue;
    if (!options.claimed.chains.has(chain) && !isOld(paths.layer(chain), options.grace)) continue;
    const take = options.dryRun ? pretendForgotten : forgetUnused;
    unused.push(...(await take(store, chain, users, session)));
  }
  return unused;
}

/** What {@link forgetUnused} would take. */
async function pretendForgotten(store: Store, top: ChainId, users: LayerUsers): Promise<StoredLayer[]> {
  const unused: StoredLayer[] = [];
  for (let next: ChainId | undefined = top; next !== undefined;) {
    const layer: StoredLayer | undefined = isNeeded(users, next) ? undefined : await store.layers.get(next);
    if (layer === undefined) break;
    // Counted as gone, and never to be found a second time.
    users.held.add(next);
    unused.push(layer);
    if (layer.parent !== undefined) {
      users.children.set(layer.parent, (users.children.get(layer.parent) ?? 1) - 1);
    }
    next = layer.parent;
  }
  return unused;
}

/** Whether nothing happened to the path for `grace` milliseconds. */
export function isOld(path: string, grace: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - Math.max(found.mtimeMs, found.ctimeMs) >= grace;
}

function imageGarbage(store: Store) {
  return (id: ImageId): Garbage => ({
    kind: "image",
    what: id,
    reason: "the operation that stored it died before it had a name",
    paths: [join(store.root, "varve/manifests", hexOf(id))],
    remove: () => forgetManifest(store, id),
  });
}

function layerGarbage(store: Store) {
  return ({ chainId, cacheId }: StoredLayer): Garbage => ({
    kind: "layer",
    what: chainId,
    reason: "no image, container, layer or record of the build cache stands on it",
    paths: driverPaths(store, cacheId),
    remove: () => store.driver.remove(cacheId),
  });
}

function directoryGarbage(store: Store) {
  return (id: string): Garbage => ({
    kind: "driver directory",
    what: driverFolder(store, id),
    reason: "no layer and no container has it",
    paths: driverPaths(store, id),
    remove: () => store.driver.remove(id),
  });
}
