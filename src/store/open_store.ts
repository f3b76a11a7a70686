/** Opening a data root: which driver, which directories, and the parts of the store on them. */
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { throwIfCancelled } from "../bytes/index.ts";
import {
  chooseDriver,
  createDriver,
  driverNames,
  driverOfLayers,
  parseStorageOptions,
  type DriverName,
} from "../driver/index.ts";
import { Failure } from "../errors.ts";
import { ensureDirectory, writeAtomically } from "./atomic_write.ts";
import { openBlobCache } from "./blob_cache.ts";
import { openContainerLayers } from "./container_layers.ts";
import { openDigestMaps } from "./digest_maps.ts";
import { driverInForce, watchDriver } from "./driver_in_force.ts";
import { openImageDb } from "./image_db.ts";
import { hasLayer, openLayerDb } from "./layer_db.ts";
import { openLayerIndex } from "./layer_index.ts";
import { openLocks, type WithLock } from "./locks.ts";
import { encodeNames, namesLock, openNames } from "./names.ts";
import { modes, storePaths, type StorePaths } from "./paths.ts";
import { hideUnfinished } from "./recover.ts";
import type { Store } from "./types.ts";

export interface OpenStoreOptions {
  /** Docker's data root, an absolute path; made if missing. */
  readonly root: string;
  /** Default: the driver that the root was migrated to or written with, else the best that works here. */
  readonly driver?: DriverName;
  /** Bytes that the blob cache may take (default 10 GiB); 0 keeps no blobs. */
  readonly blobCacheLimit?: number;
  /** `KEY=VALUE` for the storage driver: see `StorageOptions`. */
  readonly storageOptions?: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Opens the store in a data root that varve or dockerd wrote, or makes a new one there. Several processes may have
 * one root open; dockerd must not run on it meanwhile, since it reads its files only when it starts.
 *
 * When a migration changes the driver of the root, this store is over: whatever takes a lock throws
 * `Failure("conflict")` from then on.
 *
 * Throws `Failure("denied")` where the root may not be written, `Failure("invalid")` for a relative root.
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const { root, blobCacheLimit, signal } = options;
  if (!isAbsolute(root))
    throw new Failure("invalid", `invalid data root "${root}": it must be an absolute path`);
  throwIfCancelled(signal);
  await ensureDirectory(root, modes.root);
  const name = options.driver ?? heldDriver(root) ?? chooseDriver(root);
  const paths = storePaths(root, name);
  const index = openLayerIndex(paths);
  const mustBeInForce = watchDriver(root, name);
  const withLock = openLocks(paths.locks, () => {
    mustBeInForce();
    index.recheck();
  });
  await layOut(paths, withLock);
  const driver = createDriver(name, {
    root: paths.driver,
    storage: parseStorageOptions(options.storageOptions ?? []),
  });
  const layers = openLayerDb(paths, driver, index);
  const store: Store = {
    root,
    driver,
    layers,
    images: openImageDb(paths, (chainId) => hasLayer(paths, chainId)),
    names: openNames(paths.names, withLock),
    maps: openDigestMaps(paths, withLock),
    containers: openContainerLayers(paths, driver, layers),
    blobs: openBlobCache(root, blobCacheLimit === undefined ? {} : { limit: blobCacheLimit }),
    withLock,
  };
  await hideUnfinished(store);
  return store;
}

/**
 * The driver that keeps what the root holds; undefined where that is nothing. What a migration put in force; else,
 * since a root may hold images without layers, the images say which driver it is.
 */
export function heldDriver(root: string): DriverName | undefined {
  const inForce = driverInForce(root);
  if (inForce !== undefined) return inForce;
  const held = driverNames.filter((name) => existsSync(join(root, "image", name)));
  const [only] = held;
  return held.length === 1 && only !== undefined ? only : driverOfLayers(root);
}

/** Makes what dockerd makes when it starts on an empty root; the rest comes with the first layer. */
async function layOut(paths: StorePaths, withLock: WithLock): Promise<void> {
  await ensureDirectory(paths.containers, modes.root);
  const folders = [paths.configs, paths.configMetadata, paths.layerDb, paths.distribution];
  for (const folder of folders) await ensureDirectory(folder, modes.private);
  if (existsSync(paths.names)) return;
  // Under the lock of names: another process that opens the root now may be about to set the first one.
  await withLock(namesLock, async () => {
    if (!existsSync(paths.names))
      await writeAtomically(paths.names, encodeNames(new Map()), modes.privateFile);
  });
}
