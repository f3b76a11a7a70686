export { planCopy } from "./plan_copy.ts";
export type { CopyPlan, CopyRequest, DownloadedFile } from "./types.ts";
export { resolvedSources } from "./find_paths.ts";
