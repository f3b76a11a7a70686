/** Taking layers away that nothing needs any more. */
import { readHolds } from "./build_cache/cache_folder.ts";
import { topsOf } from "./container_layers.ts";
import { ignoreCorrupt } from "./ignore_corrupt.ts";
import { chainIds, type ChainId } from "../oci/index.ts";
import { openSession, readSessions, type Session } from "./sessions.ts";
import type { Store, StoredLayer } from "./types.ts";

/**
 * Held while references between images, layers and containers are made or taken away: whoever counts users under
 * it sees all of them. Order: this before `sessions`; no other lock is waited for while it is held, and no network.
 */
export const referencesLock = "references";

/** Who needs which layer. */
export interface LayerUsers {
  /** How many layers stand directly on this one. */
  readonly children: Map<ChainId, number>;
  /** Layers of images, tops of containers, of images mounted in them and of the build cache's records, and what living sessions rely on. */
  readonly held: Set<string>;
  /** An image's config cannot be read, so nobody knows its layers: then no layer may go. */
  readonly unreadable: boolean;
}

/**
 * Removes the layer `top` and those below it as far as no image, container, record of the build cache, other layer or
 * living session needs them.
 * Returns the freed chain IDs in the order in which they went, top first: Docker's `rmi` prints them so (behaviours
 * B092). A layer that is needed, or not there, frees nothing.
 */
export async function releaseLayers(store: Store, top: ChainId): Promise<ChainId[]> {
  // A crash in the middle leaves this session as a dead one, with the directories on record.
  const session = await openSession(store);
  try {
    const freed = await store.withLock(referencesLock, async () =>
      forgetUnused(store, top, await layerUsers(store, session), session),
    );
    await removeDirectories(store, freed, session);
    await session.finish();
    return freed.map((layer) => layer.chainId);
  } catch (error) {
    session.abandon();
    throw error;
  }
}

/**
 * Takes entries out of layerdb, `top` first. The caller holds {@link referencesLock} and removes the directories when
 * it has let go. Keeps `users` up to date.
 */
export async function forgetUnused(
  store: Store,
  top: ChainId,
  users: LayerUsers,
  session: Session,
): Promise<StoredLayer[]> {
  const freed: StoredLayer[] = [];
  for (let next: ChainId | undefined = top; next !== undefined;) {
    const layer: StoredLayer | undefined = isNeeded(users, next) ? undefined : await store.layers.get(next);
    if (layer === undefined) break;
    freed.push(layer);
    if (layer.parent !== undefined) {
      users.children.set(layer.parent, (users.children.get(layer.parent) ?? 1) - 1);
    }
    next = layer.parent;
  }
  // From here on only the claims tell that the directories are nobody's.
  await session.claim(...freed.map(({ cacheId }) => cacheId));
  await store.layers.remove(...freed.map(({ chainId }) => chainId));
  return freed;
}

/** Whether anything stands on the layer or refers to it. */
export function isNeeded(users: LayerUsers, chain: ChainId): boolean {
  return users.unreadable || users.held.has(chain) || (users.children.get(chain) ?? 0) > 0;
}

/** Removes the directories of layers that {@link forgetUnused} returned. It may take long and needs no lock. */
export async function removeDirectories(
  store: Store,
  layers: readonly StoredLayer[],
  session: Session,
): Promise<void> {
  for (const { cacheId } of layers) {
    await store.driver.remove(cacheId);
    await session.settle(cacheId);
  }
}

/** Finds the users of every layer. `own` is a session whose claims do not count. */
export async function layerUsers(store: Store, own?: Session): Promise<LayerUsers> {
  const children = new Map<ChainId, number>();
  const held = new Set<string>((await readSessions(store, own)).live);
  for (const chain of await store.layers.list()) {
    const parent = (await ignoreCorrupt(store.layers.get(chain)))?.parent;
    if (parent !== undefined) children.set(parent, (children.get(parent) ?? 0) + 1);
  }
  const images = await imageLayers(store);
  for (const chain of images.chains) held.add(chain);
  for (const top of await containerTops(store)) held.add(top);
  for (const { top } of readHolds(store.root)) held.add(top);
  return { children, held, unreadable: images.unreadable };
}

/** Layers of images, and tops of containers with all below them: what is there whether or not the build cache is. */
export async function heldElsewhere(store: Store): Promise<ReadonlySet<string>> {
  const held = new Set<string>((await imageLayers(store)).chains);
  for (const top of await containerTops(store)) {
    for (let at: ChainId | undefined = top; at !== undefined && !held.has(at);) {
      held.add(at);
      at = (await ignoreCorrupt(store.layers.get(at)))?.parent;
    }
  }
  return held;
}

async function imageLayers(
  store: Store,
): Promise<{ readonly chains: ReadonlySet<ChainId>; readonly unreadable: boolean }> {
  const chains = new Set<ChainId>();
  let unreadable = false;
  for (const id of await store.images.list()) {
    const image = await ignoreCorrupt(store.images.get(id));
    unreadable ||= image === undefined;
    for (const chain of chainIds(image?.config.rootfs.diff_ids ?? [])) chains.add(chain);
  }
  return { chains, unreadable };
}

async function containerTops(store: Store): Promise<ChainId[]> {
  const tops: ChainId[] = [];
  for (const id of await store.containers.list()) {
    const layer = await store.containers.get(id);
    if (layer !== undefined) tops.push(...topsOf(layer));
  }
  return tops;
}
