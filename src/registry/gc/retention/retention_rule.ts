/** Which tags stay: rules by repository, and the patterns in them. */
import { Failure } from "../../../errors.ts";

/**
 * The first rule that is about a tag decides: it stays if one of the `keep` conditions holds, else it goes. A tag that no
 * rule is about stays, and so does one that belongs to a manifest of the repository, as signatures do. A pattern is a glob (`*` within a component, `**` across, `?`), or, between slashes, a regular
 * expression for the whole name: `/v\d+/`.
 */
export interface RetentionRule {
  readonly repositories: readonly string[];
  /** Default: all. */
  readonly tags?: readonly string[];
  readonly keep: KeepConditions;
}

export interface KeepConditions {
  /** This many of the tags that the rule is about, those that were pushed last. Tags of signatures do not count. */
  readonly last?: number;
  /** Tags pushed within so many milliseconds. */
  readonly youngerThan?: number;
  /** Tags pulled within so many milliseconds, of which those without records do not count. */
  readonly pulledWithin?: number;
  /** Protected tags. */
  readonly tags?: readonly string[];
  /** Tags of members of an index that has a tag itself. */
  readonly inIndex?: boolean;
}

/** Throws `Failure("invalid")` for a regular expression that is none. */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map(expressionOf);
  return (name) => expressions.some((expression) => expression.test(name));
}

function expressionOf(pattern: string): RegExp {
  if (pattern.length > 2 && pattern.startsWith("/") && pattern.endsWith("/")) {
    try {
      return new RegExp(`^(?:${pattern.slice(1, -1)})$`);
    } catch (cause) {
      throw new Failure("invalid", `invalid pattern ${pattern}: no regular expression`, { cause });
    }
  }
  const parts = pattern.split(/(\*\*|\*|\?)/).map((part) => {
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : part.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`);
}
