export * from "./types.ts";
export { writeAtomically, writeUnsynced } from "./atomic_write.ts";
export { openBlobCache, type BlobCacheOptions } from "./blob_cache.ts";
export {
  defaultKeepBytes,
  openBuildCache,
  type BuildCache,
  type CacheEntry,
  type CacheRecord,
  type CacheUsage,
  type PruneCacheOptions,
  type PrunedCache,
} from "./build_cache.ts";
export { buildCacheFolder, cacheMountsFolder } from "./build_cache/cache_folder.ts";
export { checkStore, type CheckOptions, type Problem } from "./check.ts";
export { containersLock } from "./container_layers.ts";
export { isDiskFull } from "./disk_full.ts";
export { DiskUsage } from "./disk_usage.ts";
export { deleteImage } from "./delete_image.ts";
export { encodeConfig } from "./encode_config.ts";
export { collectGarbage, type CollectedGarbage, type CollectOptions } from "./gc.ts";
export { ifFree } from "./if_free.ts";
export { dropFreeLocks } from "./locks.ts";
export { layerInodes } from "./layer_inodes.ts";
export * from "./ledger.ts";
export { migrateStore } from "./migrate.ts";
export type { MigrateOptions, MigrationResult } from "./migrate/types.ts";
export { heldDriver, openStore, type OpenStoreOptions } from "./open_store.ts";
export { optimizeStore, type OptimizeReport, type OptimizeStoreOptions } from "./optimize.ts";
export { receiveImage, type ReceivedImage, type ReceiveOptions, type Unpacker } from "./receive.ts";
export { placeMountPoints } from "./place_mount_points.ts";
export { registerUnflushed } from "./register_layer.ts";
export { referencesLock, releaseLayers } from "./release.ts";
export { cachedSource, repairLayer, type LayerSource } from "./repair_layer.ts";
export { resolveImage } from "./resolve_image.ts";
export type { Session } from "./sessions.ts";
export type { MountPoint } from "./place_mount_points.ts";
export { makeTemporaryLayer, type TemporaryLayer } from "./temporary_layer.ts";
export { timestamp } from "./timestamp.ts";
export { viewImage } from "./view.ts";
export { withSession } from "./with_session.ts";
