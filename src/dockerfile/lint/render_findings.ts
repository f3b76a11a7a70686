/** Findings as text for people. */
import type { Dockerfile } from "../types.ts";
import { linesOf } from "./lines.ts";
import type { LintFinding, LintFix } from "./types.ts";

export interface RenderOptions {
  /** How bytes are written (default: `1234 bytes`). */
  readonly formatBytes?: (bytes: number) => string;
}

/**
 * Each finding with its rule, its line and what stands there, why it matters, what it costs, and the fix as a small diff;
 * "" if there are none. Texts of the Dockerfile come without control characters: they are somebody else's.
 */
export function renderFindings(
  findings: readonly LintFinding[],
  dockerfile: Dockerfile,
  options: RenderOptions = {},
): string {
  const { formatBytes = (bytes: number) => `${bytes} bytes` } = options;
  return findings
    .map((finding) => {
      const { rule, severity, message, why, span, bytesLost, fix } = finding;
      const { line } = span.start;
      const lost = bytesLost === undefined || bytesLost === 0 ? [] : [`  lost: ${formatBytes(bytesLost)}`];
      const rows = [
        `${severity}: ${rule}: ${message}`,
        `  ${dockerfile.name}:${line} | ${(dockerfile.lines[line - 1] ?? "").trim()}`,
        `  why: ${why}`,
        ...lost,
        ...(fix === undefined ? [] : difference(dockerfile, fix)),
      ];
      return `${rows.map(printable).join("\n")}\n`;
    })
    .join("\n");
}

/** The lines that differ, without those that are the same at both ends. */
function difference(dockerfile: Dockerfile, { lines, span }: LintFix): string[] {
  const before = linesOf(dockerfile, span);
  const after = [...lines];
  while (before.length > 0 && before.at(-1) === after.at(-1)) {
    before.pop();
    after.pop();
  }
  while (before.length > 0 && before[0] === after[0]) {
    before.shift();
    after.shift();
  }
  return [...before.map((line) => `  - ${line}`), ...after.map((line) => `  + ${line}`)];
}

function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll("\t", "    ").replace(/[\x00-\x1f\x7f-\x9f]/g, "\u{fffd}");
}
