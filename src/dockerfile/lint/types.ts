/** What lint finds in a Dockerfile. */
import type { IgnoreMatcher } from "../ignore_matcher.ts";
import type { Span } from "../types.ts";
import type { RuleName } from "./rule_catalog.ts";

export type LintSeverity = "error" | "warning" | "info";

/** Whole lines that come in place of those of `span`. */
export interface LintFix {
  readonly lines: readonly string[];
  readonly span: Span;
}

export interface LintFinding {
  readonly rule: RuleName;
  readonly severity: LintSeverity;
  /** One line, without a final full stop. */
  readonly message: string;
  /** Why it matters, of any Dockerfile. */
  readonly why: string;
  readonly span: Span;
  /** Bytes of the image that the fix saves, measured; undefined: nobody has measured. */
  readonly bytesLost?: number;
  readonly fix?: LintFix;
}

export interface LintOptions {
  /** Names of rules that say nothing, or `all`. */
  readonly skip?: readonly string[];
  /** Names of experimental rules that are wanted, or `all`. */
  readonly experimental?: readonly string[];
  /** What `.dockerignore` leaves out. */
  readonly ignore?: IgnoreMatcher;
  /** Names of variables that an image brings, where that is known. */
  readonly environment?: (image: string) => readonly string[] | undefined;
}

/** A finding before its rule has said how bad it is and why. */
export interface Draft {
  readonly rule: RuleName;
  readonly message: string;
  readonly span: Span;
  readonly bytesLost?: number;
  readonly fix?: LintFix | undefined;
}
