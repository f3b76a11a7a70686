export * from "./common.ts";
export * from "./containers.ts";
export * from "./events.ts";
export * from "./images.ts";
export * from "./runtime.ts";
export * from "./sandboxes.ts";
export * from "./stats.ts";
