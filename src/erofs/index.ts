/**
 * Writer of EROFS images that hold the names and attributes of a tree and point into raw layer tars for the contents.
 * Pure: from a tree in memory to bytes in memory. Who mounts them is `driver/`.
 */
export { buildErofs } from "./build_erofs.ts";
export type { ReadSource } from "./copy_contents.ts";
