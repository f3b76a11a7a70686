export type * from "./types.ts";
export { ignoreMatcher, type IgnoreMatcher } from "./ignore_matcher.ts";
export { parseIgnore } from "./parse_ignore.ts";
export { expandHereDocument, expandWord, expandWords } from "./expand_word.ts";
export { parseDockerfile } from "./parse_dockerfile.ts";
export { parseDuration } from "./duration.ts";
export { parseInstruction, splitInstructions } from "./parse_instruction.ts";
export { LocatedComplaint } from "./statement_place.ts";
export * from "./lint/index.ts";
