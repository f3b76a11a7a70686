export { cacheConfigType, inlineMember } from "./cache_config.ts";
export { openCacheDirectory, writeCacheDirectory } from "./cache_directory.ts";
export { explainMiss } from "./explain_miss.ts";
export { exportCache, inlineCache } from "./export_cache.ts";
export { importCache, joinCaches } from "./import_cache.ts";
export {
  readLastBuild,
  sameStep,
  writeLastBuild,
  type BuildName,
  type LastBuild,
  type RememberedStep,
} from "./last_build.ts";
export { stepFacts, type StepParts } from "./step_facts.ts";
export { stepKey } from "./step_key.ts";
