export * from "./place.ts";
export * from "./progress.ts";
