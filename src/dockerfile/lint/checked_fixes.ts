/** Fixes that leave a Dockerfile, and no others. */
import { isFailure } from "../../errors.ts";
import { parseDockerfile } from "../parse_dockerfile.ts";
import type { Dockerfile } from "../types.ts";
import { lastLine } from "./lines.ts";
import type { Draft, LintFix } from "./types.ts";

/** Lines that are parsed at most, all fixes of a file together: a file may be made to have very many. */
const mostLines = 1_000_000;

/**
 * The drafts, without fixes after which the file would not parse: rules work on lines, and lines can be written in ways
 * that none of them thinks of (quotes, here-documents, escapes).
 */
export function checkedFixes(dockerfile: Dockerfile, drafts: readonly Draft[]): Draft[] {
  const affordable = Math.floor(mostLines / dockerfile.lines.length);
  let tried = 0;
  return drafts.map((draft) => {
    const { fix, ...rest } = draft;
    if (fix === undefined) return rest;
    return tried++ < affordable && parses(dockerfile, fix) ? draft : rest;
  });
}

function parses(dockerfile: Dockerfile, { lines, span }: LintFix): boolean {
  const { line } = span.start;
  const fixed = dockerfile.lines.toSpliced(line - 1, lastLine(span) - line + 1, ...lines);
  try {
    parseDockerfile(fixed.join("\n"), { name: dockerfile.name });
    return true;
  } catch (error) {
    if (isFailure(error)) return false;
    throw error;
  }
}
