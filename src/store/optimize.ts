/** Space: what several layers have is kept once. */
import type { Report } from "../bytes/index.ts";
import type { CacheId, OptimizedLayer } from "../driver/index.ts";
import { Failure } from "../errors.ts";
import { type ChainId, type DiffId, shortId } from "../oci/index.ts";
import { referencesLock } from "./release.ts";
import { withSession } from "./with_session.ts";
import type { Store, StoredLayer } from "./types.ts";

/** Held while parts of layers' tars are taken out, or tars are replaced. Before `references`, and before all else. */
export const optimizeLock = "optimize";

export interface OptimizeStoreOptions {
  /** Bytes; files that are smaller stay as they are (default 64 KiB). */
  readonly minSize?: number;
  /** Only finds what could be given back. */
  readonly dryRun?: boolean;
  readonly signal: AbortSignal;
  readonly report?: Report;
  /** Called between any two steps that write; tests kill the process in it. */
  readonly onStep?: (step: string) => void;
}

export interface OptimizeReport {
  /** Those that have files which an older layer has, too. */
  readonly layers: readonly (Omit<OptimizedLayer, "id"> & {
    readonly chainId: ChainId;
    readonly diffId: DiffId;
  })[];
  /** Bytes on the disk that came back; in a dry run, that would. */
  readonly bytes: number;
  /** The part of them that belonged to layers which are gone. */
  readonly remains: number;
}

const defaultMinSize = 64 * 1024;

/**
 * Files that an older layer has as well are taken out of the younger layers' tars, and read from the older one's from
 * then on: by mounts, saves, pushes and checks alike, to the byte. An older layer may go at any time: what others have
 * of it stays until they go. Layers of images that are in use are left for another time.
 *
 * May be killed at any point: everything reads as before, and the next call finishes.
 *
 * Throws `Failure("unsupported")` under a driver that unpacks layers, and where files cannot have holes.
 */
export async function optimizeStore(store: Store, options: OptimizeStoreOptions): Promise<OptimizeReport> {
  const { driver } = store;
  if (driver.optimize === undefined)
    throw new Failure("unsupported", `there is nothing to optimize under the driver ${driver.name}`, {
      hint: "It unpacks layers; `varve migrate --to erofs` keeps them as tars, which can share files.",
    });
  const { signal, minSize = defaultMinSize, dryRun = false } = options;
  const work = (): Promise<OptimizeReport> =>
    withSession(store, async (session) => {
      const layers = await claimLayers(store, (chains) => session.claim(...chains), signal);
      const { onStep, report } = options;
      const onLayer = report && reportEach(layers, report);
      const { layers: done = [], remains = 0 } =
        (await driver.optimize?.({
          layers: [...layers.keys()],
          minSize,
          dryRun,
          signal,
          ...(onLayer && { onLayer }),
          ...(onStep && { onStep }),
        })) ?? {};
      // They are the store's, and were before.
      await session.settle(...session.claims);
      return reportOf(layers, done, remains);
    });
  return store.withLock(optimizeLock, work, signal);
}

/** Claimed, so that no removal takes one while others get parts of it. */
async function claimLayers(
  store: Store,
  claim: (chains: readonly ChainId[]) => Promise<void>,
  signal: AbortSignal,
): Promise<Map<CacheId, StoredLayer>> {
  const find = async (): Promise<Map<CacheId, StoredLayer>> => {
    const layers = new Map<CacheId, StoredLayer>();
    const kept = new Set(await store.driver.list());
    for (const chain of await store.layers.list()) {
      const layer = await store.layers.get(chain);
      if (layer !== undefined && kept.has(layer.cacheId)) layers.set(layer.cacheId, layer);
    }
    await claim([...layers.values()].map(({ chainId }) => chainId));
    return layers;
  };
  return store.withLock(referencesLock, find, signal);
}

/** One line a layer. */
function reportEach(layers: ReadonlyMap<CacheId, StoredLayer>, report: Report): (id: CacheId) => void {
  let last: string | undefined;
  return (cacheId) => {
    if (last !== undefined) report({ id: last, status: "Compared" });
    last = shortId((layers.get(cacheId) as StoredLayer).diffId);
    report({ id: last, status: "Comparing files" });
  };
}

function reportOf(
  layers: ReadonlyMap<CacheId, StoredLayer>,
  done: readonly OptimizedLayer[],
  remains: number,
): OptimizeReport {
  const rows = done.map(({ id, ...rest }) => {
    const { chainId, diffId } = layers.get(id) as StoredLayer;
    return { chainId, diffId, ...rest };
  });
  const counted = rows.filter(({ outcome }) => outcome === "done" || outcome === "dry run");
  return { layers: rows, bytes: counted.reduce((sum, { bytes }) => sum + bytes, remains), remains };
}
