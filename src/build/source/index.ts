export type * from "./types.ts";
export { type ContentMemory, openContentMemory } from "./content_memory.ts";
export { openDirectorySource } from "./directory_source.ts";
export { withIgnored } from "./ignored_source.ts";
export { openLayersSource } from "./layers_source.ts";
export { memorySource } from "./memory_source.ts";
export { openTarSource } from "./tar_source.ts";
