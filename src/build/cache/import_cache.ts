/** A build cache from elsewhere: what it has is known at once, its layers are fetched when a step asks for them. */
import { verify, type ImageView, type LayerView, type Report } from "../../bytes/index.ts";
import { isFailure, type Failure } from "../../errors.ts";
import { addLayer } from "../../image/index.ts";
import { parseImageConfig, type Digest, type DiffId } from "../../oci/index.ts";
import {
  openBuildCache,
  withSession,
  type CacheRecord,
  type Session,
  type Store,
} from "../../store/index.ts";
import type { ImportedCache } from "../types.ts";
import {
  cacheConfigType,
  inlineMember,
  parseCacheConfig,
  readCacheConfig,
  type CacheConfig,
  type CachedLayer,
  type TravellingRecord,
} from "./cache_config.ts";

export interface ImportOptions {
  readonly signal: AbortSignal;
  readonly report?: Report;
  /** Told once why the rest of the cache is not used: its place is gone, or has other bytes than it says. */
  readonly onBroken?: (failure: Failure) => void;
}

/**
 * Reads what the cache has: one that was exported as such, or an image with a cache in its config; an image without has
 * none. Nothing but the config is fetched.
 *
 * A record's layers are verified against the blob's digest and the diff ID before the store has them; then the record is
 * one of the local cache. When fetching fails, the build goes on without this cache.
 *
 * Throws `Failure`: `invalid`, `limit` and `unsupported` for a config that is none; `corrupt`, and what the source throws.
 */
export async function importCache(
  store: Store,
  image: ImageView,
  options: ImportOptions,
): Promise<ImportedCache> {
  return new ViewedCache(store, image, await readConfig(image, options.signal), options);
}

/** Asks one after the other. */
export function joinCaches(caches: readonly ImportedCache[]): ImportedCache {
  return {
    async take(key, session, signal) {
      for (const cache of caches) {
        const found = await cache.take(key, session, signal);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

async function readConfig(image: ImageView, signal: AbortSignal): Promise<CacheConfig> {
  const bytes = await image.readConfig({ signal });
  const isCache = image.configDescriptor.mediaType === cacheConfigType;
  const config = isCache ? parseCacheConfig(bytes) : inlineConfig(bytes);
  // Without a blob for each layer nothing can be fetched.
  return config === undefined || image.layers.length < config.layers.length ? nothing : config;
}

const nothing: CacheConfig = { layers: [], records: [] };

/** An image that was made of the one with the cache has its config too: as long as it has those layers, it is true. */
function inlineConfig(bytes: Uint8Array): CacheConfig | undefined {
  const image = parseImageConfig(bytes);
  if (image[inlineMember] === undefined) return undefined;
  const config = readCacheConfig(image[inlineMember]);
  const diffIds = image.rootfs.diff_ids ?? [];
  return config.layers.every((diffId, i) => diffId === diffIds[i]) ? config : undefined;
}

class ViewedCache implements ImportedCache {
  readonly #store: Store;
  readonly #records: ReadonlyMap<Digest, TravellingRecord>;
  readonly #layers: ReadonlyMap<DiffId, LayerView>;
  readonly #options: ImportOptions;
  #broken = false;

  constructor(store: Store, image: ImageView, { layers, records }: CacheConfig, options: ImportOptions) {
    this.#store = store;
    this.#records = new Map(records.map((record) => [record.key, record]));
    this.#layers = new Map(layers.map((diffId, i) => [diffId, image.layers[i] as LayerView]));
    this.#options = options;
  }

  async take(key: Digest, session: Session, signal: AbortSignal): Promise<CacheRecord | undefined> {
    const record = this.#broken ? undefined : this.#records.get(key);
    if (record === undefined) return undefined;
    try {
      await this.#fetch(record, signal);
    } catch (error) {
      // What is not this cache's fault stops the build; the rest is done as if there were no such cache.
      if (!isFailure(error) || error.kind === "cancelled" || error.kind === "no-space") throw error;
      if (!this.#broken) this.#options.onBroken?.(error);
      this.#broken = true;
      return undefined;
    }
    return openBuildCache(this.#store).get(key, session);
  }

  /** In a session of its own: what a failure leaves goes at once. */
  async #fetch(
    { key, description, kind, created, top, made }: TravellingRecord,
    signal: AbortSignal,
  ): Promise<void> {
    await withSession(this.#store, async (session) => {
      for (const layer of stackOf(top)) await this.#fetchLayer(layer, session, signal);
      const own = made && top !== undefined ? await this.#store.layers.get(top.chainId) : undefined;
      // Removed again: without its layer the record would say that the step changes nothing.
      if (made && own === undefined) return;
      await openBuildCache(this.#store).put({
        key,
        description,
        kind,
        created,
        ...(top !== undefined && { top: top.chainId }),
        ...(own !== undefined && { layer: { diffId: own.diffId, chainId: own.chainId, size: own.size } }),
      });
    });
  }

  async #fetchLayer(
    { diffId, chainId, below }: CachedLayer,
    session: Session,
    signal: AbortSignal,
  ): Promise<void> {
    if ((await this.#store.layers.get(chainId)) !== undefined) return;
    const id = diffId.slice("sha256:".length).slice(0, 12);
    this.#options.report?.({ id, status: "Pulling cached layer" });
    const view = this.#layers.get(diffId) as LayerView;
    const tar = verify(await view.openTar({ signal }), { digest: diffId, what: "layer" });
    await addLayer(this.#store, session, below?.chainId, tar, signal);
    this.#options.report?.({ id, status: "Pull complete" });
  }
}

/** Bottom first. */
function stackOf(top: CachedLayer | undefined): CachedLayer[] {
  const stack: CachedLayer[] = [];
  for (let at = top; at !== undefined; at = at.below) stack.push(at);
  return stack.reverse();
}
