/** The life of bytes: what is kept and why, what goes and when, what can be had back. */
export {
  collectGarbage,
  garbageSummary,
  type GarbageOptions,
  type GarbageReport,
} from "./collect_garbage.ts";
export { decisionText, type Decision } from "./decision.ts";
export { findingText, type Finding } from "./fsck/finding.ts";
export { fsck, type FsckOptions } from "./fsck/fsck.ts";
export {
  recordingHooks,
  restoreTag,
  tagHistory,
  type RestoreTagOptions,
  type TagEvent,
  type TagHistory,
} from "./history/tag_history.ts";
export { retention, type RetentionOptions } from "./retention/retention.ts";
export type { KeepConditions, RetentionRule } from "./retention/retention_rule.ts";
export { deletedItems, undelete, type DeletedItem, type UndeleteOptions } from "./undelete.ts";
