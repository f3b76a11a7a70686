export * from "./chain_id.ts";
export * from "./descriptor.ts";
export * from "./digest.ts";
export * from "./image_config.ts";
export * from "./manifest.ts";
export * from "./platform.ts";
export * from "./reference.ts";
