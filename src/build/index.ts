export type * from "./types.ts";
export type * from "./source/types.ts";
