export * from "./types.ts";
export * from "./blob_cache.ts";
export { encodeConfig } from "./encode_config.ts";
export { openStore, type OpenStoreOptions } from "./open_store.ts";
export { resolveImage } from "./resolve_image.ts";
export { timestamp } from "./timestamp.ts";
