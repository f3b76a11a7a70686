export type * from "./types.ts";
export { editConfig, setsCommand } from "./config/index.ts";
export type * from "./source/types.ts";
export * from "./costs/index.ts";
