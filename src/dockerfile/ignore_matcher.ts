/** Which files of a build context the patterns of a `.dockerignore` leave out. */
import { type ByteString, toText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { type PatternToken, parsePattern, patternSource } from "./ignore_pattern.ts";
import { matchesBelow, matchesPathOrParent } from "./ignore_states.ts";
import { cleanPattern, trimSpace } from "./parse_ignore.ts";

/** Paths are relative, with slashes, without `.`, `..` and empty parts. */
export interface IgnoreMatcher {
  /** The last pattern that matches the path or a directory above it decides. */
  isIgnored(path: ByteString): boolean;
  /**
   * Whether an exception could bring back something below an ignored directory. If not, nobody needs to look into it.
   * (Docker's old builder looks only where an exception begins with the directory's very name; BuildKit as here.)
   */
  mayHoldIncluded(directory: ByteString): boolean;
}

/** Neighbours in the list that say the same. */
interface Group {
  readonly exception: boolean;
  readonly patterns: (readonly PatternToken[])[];
}

interface Decider extends Group {
  matches(path: string): boolean;
}

/**
 * @param patterns as `parseIgnore` gives them, or those of `--exclude`
 * @throws Failure("invalid") in Docker's words: `syntax error in pattern`, `illegal exclusion pattern: "!"`
 */
export function ignoreMatcher(patterns: readonly string[]): IgnoreMatcher {
  const deciders = groupsOf(patterns).map(deciderOf).toReversed();
  const hasExceptions = deciders.some(({ exception }) => exception);
  return {
    isIgnored(path) {
      const text = toText(path);
      for (const decider of deciders) if (decider.matches(text)) return !decider.exception;
      return false;
    },
    mayHoldIncluded(directory) {
      if (!hasExceptions) return false;
      const text = toText(directory);
      for (const decider of deciders) {
        if (decider.exception && decider.patterns.some((tokens) => matchesBelow(tokens, text))) return true;
        // What is below matches this as well, so that no exception before it counts.
        if (decider.matches(text)) return false;
      }
      return false;
    },
  };
}

function groupsOf(patterns: readonly string[]): Group[] {
  const groups: Group[] = [];
  for (const pattern of patterns) {
    const trimmed = trimSpace(pattern);
    if (trimmed === "") continue;
    const exception = trimmed.startsWith("!");
    const rest = exception ? trimmed.slice(1) : trimmed;
    if (rest === "") throw new Failure("invalid", 'illegal exclusion pattern: "!"');
    const tokens = parsePattern(cleanPattern(rest));
    const last = groups.at(-1);
    if (last?.exception === exception) last.patterns.push(tokens);
    else groups.push({ exception, patterns: [tokens] });
  }
  return groups;
}

function deciderOf(group: Group): Decider {
  const simple = group.patterns.filter((tokens) => !isIntricate(tokens));
  const intricate = group.patterns.filter(isIntricate);
  const sources = simple.map(patternSource).join("|");
  const expression = simple.length > 0 ? new RegExp(`^(?:${sources})(?:/|$)`, "su") : undefined;
  return {
    ...group,
    matches: (path) =>
      expression?.test(path) === true || intricate.some((tokens) => matchesPathOrParent(tokens, path)),
  };
}

/** With more wildcards a regular expression could try too many ways; few patterns have them. */
function isIntricate(tokens: readonly PatternToken[]): boolean {
  return tokens.filter(({ kind }) => kind === "star" || kind === "directories").length > 2;
}
