export { listCacheMounts, pruneCacheMounts, type CacheMount } from "./list_cache_mounts.ts";
export { prepareMounts } from "./prepare_mounts.ts";
export type { MountPlace, PreparedMounts } from "./types.ts";
export { resolveInside } from "./source_directory.ts";
