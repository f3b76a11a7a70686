/** What could be better in a Dockerfile. */
export { judged, lintDockerfile } from "./lint_dockerfile.ts";
export { lintExitCode } from "./lint_exit_code.ts";
export { instructionAt, linesOf, mergedRuns, withCommand, withFlag } from "./lines.ts";
export { renderFindings, type RenderOptions } from "./render_findings.ts";
export { isDockersRule, isRuleName, ruleCatalog, type RuleFacts, type RuleName } from "./rule_catalog.ts";
export { sarif } from "./sarif.ts";
export type { Draft, LintFinding, LintFix, LintOptions, LintSeverity } from "./types.ts";
