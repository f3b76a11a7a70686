/** `--cache-from` and `--cache-to`: the build cache from and to registries and directories. */
import { isFailure, type Failure } from "../../errors.ts";
import type { ImageView, TransferOptions } from "../../bytes/index.ts";
import {
  cacheConfigType,
  exportCache,
  importCache,
  joinCaches,
  openCacheDirectory,
  writeCacheDirectory,
} from "../../build/cache/index.ts";
import type { BuildResult, ImportedCache } from "../../build/index.ts";
import { chainIds, familiarReference, type ChainId } from "../../oci/index.ts";
import type { Remote } from "../../remote/index.ts";
import { openBuildCache, type CacheRecord, type Store } from "../../store/index.ts";
import type { CacheDestination, CachePlace } from "./flags/parse_cache.ts";

export interface CacheTransferOptions extends TransferOptions {
  /** Told why a place is not used: the build goes on without it. */
  readonly onWarning: (message: string) => void;
}

/**
 * The caches of these places as one, or undefined if none can be read. Only what they have is read; layers come when a
 * step asks for them. A place that is empty, not there or damaged is warned of.
 */
export async function importCaches(
  store: Store,
  remote: () => Promise<Remote>,
  places: readonly CachePlace[],
  options: CacheTransferOptions,
): Promise<ImportedCache | undefined> {
  const { onWarning, signal, report } = options;
  const caches: ImportedCache[] = [];
  for (const place of places) {
    const warn = ({ message }: Failure): void =>
      onWarning(`cache of ${nameOf(place)} is not used: ${message}`);
    try {
      const view = await openPlace(remote, place, options);
      caches.push(await importCache(store, view, { signal, ...(report && { report }), onBroken: warn }));
    } catch (error) {
      if (!isFailure(error) || error.kind === "cancelled") throw error;
      warn(error);
    }
  }
  return caches.length === 0 ? undefined : joinCaches(caches);
}

/**
 * Writes the records of the build to the place: those whose layers the image has (`min`), or all (`max`). With
 * `ignoreError` a failure is only warned of.
 */
export async function exportCacheOf(
  store: Store,
  remote: () => Promise<Remote>,
  result: Pick<BuildResult, "image" | "steps">,
  { place, mode, ignoreError }: CacheDestination,
  options: CacheTransferOptions,
): Promise<void> {
  const { signal, report } = options;
  // The image has it.
  if (place.type === "inline") return;
  try {
    const view = await exportCache(store, await recordsOf(store, result, mode), options);
    if (place.type === "local") await writeCacheDirectory(place.directory, view, { signal });
    else await (await remote()).push(view, place.name, { signal, ...(report && { report }) });
  } catch (error) {
    if (!ignoreError || !isFailure(error) || error.kind === "cancelled") throw error;
    options.onWarning(`cache is not exported to ${nameOf(place)}: ${error.message}`);
  }
}

/** By their layers: several steps may have led to one, and all of them help the next build. */
async function recordsOf(
  store: Store,
  { image, steps }: Pick<BuildResult, "image" | "steps">,
  mode: "min" | "max",
): Promise<CacheRecord[]> {
  const chains = new Set<ChainId>(chainIds(image.config.rootfs.diff_ids ?? []));
  if (mode === "max") for (const { layer } of steps) if (layer !== undefined) chains.add(layer.chainId);
  const records = await openBuildCache(store).usage();
  return records.filter(({ top }) => top !== undefined && chains.has(top));
}

async function openPlace(
  remote: () => Promise<Remote>,
  place: CachePlace,
  { signal, report }: TransferOptions,
): Promise<ImageView> {
  switch (place.type) {
    case "local":
      return openCacheDirectory(place.directory, { signal });
    case "registry":
      return (await remote()).resolve(place.name, {
        configType: cacheConfigType,
        signal,
        ...(report && { report }),
      });
  }
}

function nameOf(place: CachePlace): string {
  return place.type === "local" ? place.directory : familiarReference(place.name);
}
