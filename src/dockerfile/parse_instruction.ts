/** Instructions that stand in no Dockerfile: triggers of ONBUILD, `--change`. */
import { Failure } from "../errors.ts";
import { parseFailure } from "./parse_failure.ts";
import { parseStatement } from "./parse_statement.ts";
import { sourceLines } from "./source_lines.ts";
import { LocatedComplaint } from "./statement_place.ts";
import { readStatements, type Statements } from "./statements.ts";
import type { Instruction } from "./types.ts";

/**
 * The one instruction that `text` is, continued lines and here-documents included. Throws `Failure("invalid")` in Docker's
 * words, without a place.
 */
export function parseInstruction(text: string, options: { readonly escape?: "\\" | "`" } = {}): Instruction {
  return withLines(text, options.escape ?? "\\", ({ statements, escape }, lines) => {
    const [statement, ...more] = statements;
    if (statement === undefined) throw new Failure("invalid", "file with no instructions");
    if (more.length > 0) throw new Failure("invalid", "onbuild trigger should be a single expression");
    return parseStatement(statement, escape, lines).instruction;
  });
}

/**
 * The instructions of `text`, each with its word in capitals, still to be parsed: so a caller can refuse words before
 * their arguments are looked at. Comments are gone; `escape` is what `# escape=` on top of them says. Throws
 * `Failure("invalid")` for what is no sequence of instructions, and where there is none.
 */
export function splitInstructions(text: string): {
  readonly escape: "\\" | "`";
  readonly statements: readonly { readonly word: string; readonly parse: () => Instruction }[];
} {
  return withLines(text, "\\", ({ statements, escape }, lines) => {
    if (statements.length === 0) throw new Failure("invalid", "file with no instructions");
    return {
      escape,
      statements: statements.map((statement) => ({
        word: (/^\S*/.exec(statement.text)?.[0] ?? "").toUpperCase(),
        parse: () => placed(lines, () => parseStatement(statement, escape, lines).instruction),
      })),
    };
  });
}

function withLines<T>(
  text: string,
  escape: "\\" | "`",
  use: (statements: Statements, lines: readonly string[]) => T,
): T {
  const fileLines = sourceLines(text);
  const lines = fileLines.map((line) => line.text);
  return placed(lines, () => use(readStatements(fileLines, escape), lines));
}

function placed<T>(lines: readonly string[], read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof LocatedComplaint) throw parseFailure(error, lines);
    throw error;
  }
}
