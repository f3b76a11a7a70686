/** Findings for other tools: SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"). */
import { lastLine } from "./lines.ts";
import { type RuleName, ruleCatalog } from "./rule_catalog.ts";
import type { LintFinding, LintFix, LintSeverity } from "./types.ts";

/** SARIF's words, 3.27.10. */
const levels: Readonly<Record<LintSeverity, string>> = { error: "error", warning: "warning", info: "note" };

/** @param options.file path of the Dockerfile, relative to the root of the project, with slashes */
export function sarif(findings: readonly LintFinding[], { file }: { readonly file: string }): object {
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "varve", rules: rules.map(ruleOf) } },
        columnKind: "utf16CodeUnits",
        results: findings.map((finding) => resultOf(finding, rules.indexOf(finding.rule), uriOf(file))),
      },
    ],
  };
}

/** A relative path is a URI reference once its special characters are escaped (RFC 3986, 4.2). */
function uriOf(file: string): string {
  return file.split("/").map(encodeURIComponent).join("/");
}

function ruleOf(id: RuleName): object {
  const { severity, why } = ruleCatalog[id];
  return { id, shortDescription: { text: why }, defaultConfiguration: { level: levels[severity] } };
}

function resultOf(finding: LintFinding, ruleIndex: number, uri: string): object {
  const { rule, severity, message, span, bytesLost, fix } = finding;
  const { start, end } = span;
  // A region ends where it begins at the earliest, and is never empty: whole lines then.
  const region =
    end.line > start.line || end.column > start.column
      ? { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column }
      : { startLine: start.line };
  return {
    ruleId: rule,
    ruleIndex,
    level: levels[severity],
    message: { text: message },
    locations: [{ physicalLocation: { artifactLocation: { uri }, region } }],
    ...(bytesLost !== undefined && { properties: { bytesLost } }),
    ...(fix !== undefined && { fixes: [fixOf(fix, uri)] }),
  };
}

/** Whole lines: from the begin of the first to the begin of the line behind the last. */
function fixOf({ lines, span }: LintFix, uri: string): object {
  const deletedRegion = {
    startLine: span.start.line,
    startColumn: 1,
    endLine: lastLine(span) + 1,
    endColumn: 1,
  };
  const text = lines.map((line) => `${line}\n`).join("");
  const replacements = [{ deletedRegion, insertedContent: { text } }];
  return { artifactChanges: [{ artifactLocation: { uri }, replacements }] };
}
