/** The build cache: what steps made, by what they depended on. */
import type { ChainId, Digest } from "../oci/index.ts";
import { CacheFolder, readHolds } from "./build_cache/cache_folder.ts";
import { planPrune } from "./build_cache/plan_prune.ts";
import type {
  BuildCache,
  CacheRecord,
  CacheUsage,
  PruneCacheOptions,
  PrunedCache,
} from "./build_cache/types.ts";
import { ignoreCorrupt } from "./ignore_corrupt.ts";
import { forgetUnused, heldElsewhere, layerUsers, referencesLock, removeDirectories } from "./release.ts";
import { openSession, readSessions, type Session } from "./sessions.ts";
import type { Store, StoredLayer } from "./types.ts";

export type {
  BuildCache,
  CacheEntry,
  CacheRecord,
  CacheUsage,
  PruneCacheOptions,
  PrunedCache,
} from "./build_cache/types.ts";

/**
 * Bytes of layers that the cache alone may hold after a build. Twice what compressed blobs may take: these are unpacked,
 * and a project with a compiler and its packages takes some gigabytes a branch.
 */
export const defaultKeepBytes = 20 * 2 ** 30;

/** The build cache of `store`. Touches nothing before it is asked. */
export function openBuildCache(store: Store): BuildCache {
  return new FileBuildCache(store);
}

class FileBuildCache implements BuildCache {
  readonly #store: Store;
  readonly #folder: CacheFolder;

  constructor(store: Store) {
    this.#store = store;
    this.#folder = new CacheFolder(store.root);
  }

  async get(key: Digest, session: Session): Promise<CacheRecord | undefined> {
    if (!this.#folder.has(key)) return undefined;
    // Whoever removes layers counts their users under this lock: afterwards the claim is seen.
    return this.#store.withLock(referencesLock, async () => {
      const record = this.#folder.read(key);
      if (record === undefined || !(await this.#isWhole(record))) return undefined;
      if (record.top !== undefined) {
        await session.claim(record.top);
        // A kill may have come between the record and its hold.
        await this.#folder.hold(key, record.top);
      }
      this.#folder.markUsed(key);
      return record;
    });
  }

  async put(record: CacheRecord): Promise<void> {
    await this.#store.withLock(referencesLock, () => this.#folder.write(record));
  }

  async size(): Promise<number> {
    const layers = await this.#layersBelow(readHolds(this.#store.root).map(({ top }) => top));
    const elsewhere = await heldElsewhere(this.#store);
    return [...layers.values()].reduce(
      (sum, { chainId, size }) => sum + (elsewhere.has(chainId) ? 0 : size),
      0,
    );
  }

  async usage(): Promise<CacheUsage[]> {
    const { live } = await readSessions(this.#store);
    const elsewhere = await heldElsewhere(this.#store);
    const found: CacheUsage[] = [];
    for (const key of this.#folder.keys()) {
      const entry = this.#folder.entry(key);
      if (entry === undefined) continue;
      const { top, layer } = entry;
      const isThere = layer !== undefined && (await ignoreCorrupt(this.#store.layers.get(layer.chainId)));
      found.push({
        ...entry,
        shared: top !== undefined && elsewhere.has(top),
        inUse: top !== undefined && live.has(top),
        size: isThere ? layer.size : 0,
      });
    }
    return found.sort((a, b) => a.lastUsed.getTime() - b.lastUsed.getTime());
  }

  async remove(keys: readonly Digest[]): Promise<PrunedCache> {
    return this.#release(async () => keys);
  }

  async prune(options: PruneCacheOptions = {}): Promise<PrunedCache> {
    return this.#release(() => this.#choose(options));
  }

  async bound(keepBytes = defaultKeepBytes): Promise<PrunedCache> {
    const layers = await this.#layersBelow(readHolds(this.#store.root).map(({ top }) => top));
    // What images have as well is counted, too: it is what can be told without reading them.
    const most = [...layers.values()].reduce((sum, layer) => sum + layer.size, 0);
    if (most <= keepBytes) return { records: [], layers: [], size: 0 };
    return this.prune({ keepBytes });
  }

  async #choose({ all = false, unusedSince, keepBytes }: PruneCacheOptions): Promise<Digest[]> {
    const records = await this.usage();
    const withShared = all && keepBytes === undefined;
    const mayGo = (record: CacheUsage): boolean =>
      !record.inUse &&
      (withShared || !record.shared) &&
      (unusedSince === undefined || record.lastUsed < unusedSince);
    const candidates = records.filter(mayGo);
    const half = this.#halfRecords(records);
    if (keepBytes === undefined) return [...candidates.map(({ key }) => key), ...half];
    const layers = await this.#layersBelow(records.flatMap(({ top }) => top ?? []));
    const staying = records.filter((record) => !mayGo(record));
    const elsewhere = await heldElsewhere(this.#store);
    return [...half, ...planPrune(candidates, staying, layers, elsewhere, keepBytes)];
  }

  /** What a loss of power left of them is no use to anybody. */
  #halfRecords(whole: readonly CacheUsage[]): Digest[] {
    const known = new Set(whole.map(({ key }) => key));
    return this.#folder.keys().filter((key) => !known.has(key));
  }

  /** Takes away the records that `choose` names under the lock, and what nobody else holds of their layers. */
  async #release(choose: () => Promise<readonly Digest[]>): Promise<PrunedCache> {
    const store = this.#store;
    // A crash in the middle leaves this session as a dead one, with the directories on record.
    const session = await openSession(store);
    try {
      const { records, freed } = await store.withLock(referencesLock, async () => {
        const records = (await choose()).filter((key) => this.#folder.has(key));
        return { records, freed: await this.#forget(records, session) };
      });
      await removeDirectories(store, freed, session);
      await session.finish();
      return {
        records,
        layers: freed.map(({ chainId }) => chainId),
        size: freed.reduce((sum, layer) => sum + layer.size, 0),
      };
    } catch (error) {
      session.abandon();
      throw error;
    }
  }

  async #forget(keys: readonly Digest[], session: Session): Promise<StoredLayer[]> {
    if (keys.length === 0) return [];
    const going = new Set(keys);
    const holds = readHolds(this.#store.root).filter(({ key }) => going.has(key));
    // Until the holds are gone nobody else frees the layers: gc finishes what a kill leaves from here on.
    await session.claim(...holds.map(({ top }) => top));
    for (const { key, top } of holds) this.#folder.release(key, top);
    for (const key of keys) this.#folder.remove(key);
    const users = await layerUsers(this.#store, session);
    const freed: StoredLayer[] = [];
    for (const top of new Set(holds.map((hold) => hold.top)))
      freed.push(...(await forgetUnused(this.#store, top, users, session)));
    return freed;
  }

  /** Whether the store has the record's layers, each on the one that it was made on. */
  async #isWhole({ top, layer }: CacheRecord): Promise<boolean> {
    for (let at = top; at !== undefined;) {
      const stored = await ignoreCorrupt(this.#store.layers.get(at));
      if (stored === undefined) return false;
      if (at === layer?.chainId && stored.diffId !== layer.diffId) return false;
      at = stored.parent;
    }
    return true;
  }

  async #layersBelow(tops: readonly ChainId[]): Promise<ReadonlyMap<ChainId, StoredLayer>> {
    const found = new Map<ChainId, StoredLayer>();
    for (const top of tops) {
      for (let at: ChainId | undefined = top; at !== undefined && !found.has(at);) {
        const layer: StoredLayer | undefined = await ignoreCorrupt(this.#store.layers.get(at));
        if (layer !== undefined) found.set(at, layer);
        at = layer?.parent;
      }
    }
    return found;
  }
}
