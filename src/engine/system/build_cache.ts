/** The build cache as people see it: steps with their layers, directories of cache mounts, and what is kept of contexts. */
import { rmSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { listCacheMounts, pruneCacheMounts, type CacheMount } from "../../build/mounts/index.ts";
import { hexOf } from "../../oci/index.ts";
import { listKeptContexts, removeKept, type KeptContext } from "../builds/context/kept_contexts.ts";
import { buildCacheFolder, openBuildCache, type BuildCache, type Store } from "../../store/index.ts";

export interface BuildCacheItem {
  /** Hex digits of a step's key or for a client's directory, or the ID of a cache mount. */
  readonly id: string;
  /** Of a step `run`, `copy`, `add`, `workdir`; `cachemount`; `context`. */
  readonly type: string;
  /** The same in BuildKit's words. */
  readonly recordType: "regular" | "exec.cachemount" | "source.local";
  /** The step as written, or where the cache mount lies. */
  readonly description: string;
  /** Bytes: of the layer that the step made, once for all its records; or on the disk. */
  readonly size: number;
  /** RFC 3339; known of steps. */
  readonly createdAt?: string;
  readonly lastUsedAt: string;
  /** An image or a container has the layer as well. */
  readonly shared: boolean;
  readonly inUse: boolean;
}

export interface BuildCachePruneOptions {
  /** Also records whose layers images or containers have as well, and what is only remembered of contexts and builds. */
  readonly all?: boolean;
  /** Only what was not used for so many milliseconds. */
  readonly unusedFor?: number;
  /** Bytes that may stay: the least recently used goes first. */
  readonly keepStorage?: number;
  readonly signal: AbortSignal;
}

export interface PrunedBuildCache {
  /** IDs as in {@link BuildCacheItem}. */
  readonly deleted: readonly string[];
  /** Bytes. */
  readonly spaceReclaimed: number;
}

/** The last moment that a Date can hold. */
const endOfTime = new Date(8.64e15);

/** Least recently used first. */
export async function listBuildCache(store: Store, signal: AbortSignal): Promise<BuildCacheItem[]> {
  const counted = new Set<string>();
  const records = (await openBuildCache(store).usage()).map((record) => {
    const { key, kind, description, created, lastUsed, shared, inUse, layer } = record;
    // A step may be on record by what its files are called and by what is in them.
    const isFirst = layer !== undefined && !counted.has(layer.chainId);
    if (isFirst) counted.add(layer.chainId);
    const size = isFirst ? record.size : 0;
    const lastUsedAt = lastUsed.toISOString();
    const types = { type: kind, recordType: "regular" as const };
    return { id: hexOf(key), ...types, description, size, createdAt: created, lastUsedAt, shared, inUse };
  });
  const mounts = (await listCacheMounts(store.root, signal)).map(({ id, path, size, lastUsed, inUse }) => ({
    id,
    type: "cachemount",
    recordType: "exec.cachemount" as const,
    description: path,
    size,
    lastUsedAt: lastUsed.toISOString(),
    shared: false,
    inUse,
  }));
  const contexts = listKeptContexts(store.root).map(({ id, size, lastUsed }) => ({
    id,
    type: "context",
    recordType: "source.local" as const,
    // BuildKit's words.
    description: "local source for context",
    size,
    lastUsedAt: lastUsed.toISOString(),
    shared: false,
    inUse: false,
  }));
  return [...records, ...mounts, ...contexts].sort((a, b) =>
    a.lastUsedAt < b.lastUsedAt || (a.lastUsedAt === b.lastUsedAt && a.id < b.id) ? -1 : 1,
  );
}

/** Removes what nobody uses. */
export async function pruneBuildCache(
  store: Store,
  options: BuildCachePruneOptions,
): Promise<PrunedBuildCache> {
  const { all = false, unusedFor, keepStorage, signal } = options;
  const before = unusedFor === undefined ? {} : { unusedSince: new Date(Date.now() - unusedFor) };
  const cache = openBuildCache(store);
  const pruning = new Pruning(store, cache, signal);
  if (keepStorage === undefined) {
    await pruning.records({ all, ...before });
    await pruning.mounts(({ lastUsed }) => lastUsed < (before.unusedSince ?? endOfTime));
    await pruning.contexts(({ lastUsed }) => lastUsed < (before.unusedSince ?? endOfTime));
    if (all) await pruning.memories(before.unusedSince ?? endOfTime);
  } else await pruning.downTo(keepStorage, before.unusedSince ?? endOfTime);
  return pruning;
}

class Pruning implements PrunedBuildCache {
  readonly deleted: string[] = [];
  spaceReclaimed = 0;
  readonly #store: Store;
  readonly #cache: BuildCache;
  readonly #signal: AbortSignal;

  constructor(store: Store, cache: BuildCache, signal: AbortSignal) {
    this.#store = store;
    this.#cache = cache;
    this.#signal = signal;
  }

  async records(options: Parameters<BuildCache["prune"]>[0]): Promise<void> {
    const { records, size } = await this.#cache.prune(options);
    this.deleted.push(...records.map(hexOf));
    this.spaceReclaimed += size;
  }

  async mounts(filter: (mount: CacheMount) => boolean): Promise<CacheMount[]> {
    const removed = await pruneCacheMounts(this.#store.root, filter, this.#signal);
    for (const { id, size } of removed) {
      this.deleted.push(id);
      this.spaceReclaimed += size;
    }
    return removed;
  }

  async contexts(filter: (context: KeptContext) => boolean): Promise<KeptContext[]> {
    const removed = listKeptContexts(this.#store.root).filter(filter);
    for (const context of removed) {
      await removeKept(this.#store, context);
      this.deleted.push(context.id);
      this.spaceReclaimed += context.size;
    }
    return removed;
  }

  /** Whoever needs one makes it anew: digests of the files of a context, what the steps of a build depended on. */
  async memories(unusedSince: Date): Promise<void> {
    for (const folder of ["contexts", "last"].map((name) => join(buildCacheFolder(this.#store.root), name))) {
      for (const name of await readdir(folder).catch(() => [])) {
        const path = join(folder, name);
        const stats = statSync(path, { throwIfNoEntry: false });
        if (stats === undefined || stats.mtime >= unusedSince) continue;
        rmSync(path, { force: true });
        this.spaceReclaimed += stats.blocks * 512;
      }
    }
  }

  /** All kinds by age: before a directory goes, the records that are older than it. */
  async downTo(keepStorage: number, unusedSince: Date): Promise<void> {
    const directories = await this.#directories();
    let bytes = directories.reduce((sum, { size }) => sum + size, 0);
    const pruneRecords = (before: Date): Promise<void> =>
      this.records({ keepBytes: Math.max(0, keepStorage - bytes), unusedSince: before });
    for (const { lastUsed, remove } of directories) {
      if (lastUsed >= unusedSince) break;
      await pruneRecords(lastUsed);
      if ((await this.#cache.size()) + bytes <= keepStorage) return;
      bytes -= (await remove()).reduce((sum, { size }) => sum + size, 0);
    }
    await pruneRecords(unusedSince);
  }

  /** Cache mounts and contexts, least recently used first. */
  async #directories() {
    const mounts = await listCacheMounts(this.#store.root, this.#signal);
    const found: { size: number; lastUsed: Date; remove: () => Promise<readonly { size: number }[]> }[] = [
      ...mounts.map(({ path, size, lastUsed }) => ({
        size,
        lastUsed,
        remove: () => this.mounts((mount) => mount.path === path),
      })),
      ...listKeptContexts(this.#store.root).map(({ id, size, lastUsed }) => ({
        size,
        lastUsed,
        remove: () => this.contexts((context) => context.id === id),
      })),
    ];
    return found.sort((a, b) => a.lastUsed.getTime() - b.lastUsed.getTime());
  }
}
