/** What a check is worth to a script. */
import type { LintFinding, LintSeverity } from "./types.ts";

const order = ["info", "warning", "error"] as const satisfies readonly LintSeverity[];

/** 1 if anything is found that is as bad as `failOn` or worse, else 0. `never`: always 0. */
export function lintExitCode(findings: readonly LintFinding[], failOn: LintSeverity | "never"): 0 | 1 {
  if (failOn === "never") return 0;
  return findings.some(({ severity }) => order.indexOf(severity) >= order.indexOf(failOn)) ? 1 : 0;
}
