export * from "./types.ts";
export * from "./blob_cache.ts";
