export type * from "./types.ts";
export { ignoreMatcher, type IgnoreMatcher } from "./ignore_matcher.ts";
export { parseIgnore } from "./parse_ignore.ts";
