export { probeErofs } from "./erofs/probe_erofs.ts";
export { createErofs, type ErofsOptions } from "./erofs/erofs.ts";
export {
  chooseDriver,
  createDriver,
  driverOfLayers,
  type ErofsSupport,
  findErofsSupport,
  probeOverlay,
  type ProbeResult,
} from "./choose_driver.ts";
export { copyTree } from "./copy_tree.ts";
export { copyWritable } from "./copy_writable.ts";
export { createOverlay2, type DriverOptions } from "./overlay2.ts";
export { parseStorageOptions, type StorageOptions } from "./storage_options.ts";
export * from "./types.ts";
export { createVfs } from "./vfs.ts";
export { inUserNamespace, ownershipHere } from "./user_namespace.ts";
