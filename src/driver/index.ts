export { chooseDriver, createDriver, probeOverlay, type ProbeResult } from "./choose_driver.ts";
export { createOverlay2, type DriverOptions } from "./overlay2.ts";
export * from "./types.ts";
export { createVfs } from "./vfs.ts";
