export * from "./open_archive.ts";
export * from "./types.ts";
export * from "./write_archive.ts";
