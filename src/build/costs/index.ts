/** What each line of a Dockerfile costs, measured on the image. */
export { costTable, type CostRow } from "./cost_table.ts";
export { measureCosts } from "./measure_costs.ts";
export type { PackageCache } from "./package_caches.ts";
export type { Amount, CachedFiles, HiddenFiles, LineCost } from "./types.ts";
