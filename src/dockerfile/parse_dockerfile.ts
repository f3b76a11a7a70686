/**
 * The Dockerfile language (docs.docker.com/reference/dockerfile), without looking anything up.
 *
 *     file        = { directive } { comment | blank line | instruction }
 *     instruction = word { flag } rest        continued on the next line by an escape at the end of its line,
 *                   { here-document }         over comments and, with a warning, blank lines
 *     stages      = { ARG } { FROM { instruction } }
 */
import { Failure } from "../errors.ts";
import { Complaint } from "./complaint.ts";
import { fileWarnings } from "./file_warnings.ts";
import { parseFailure } from "./parse_failure.ts";
import { parseStatement, type ParsedStatement } from "./parse_statement.ts";
import { sourceLines } from "./source_lines.ts";
import { LocatedComplaint } from "./statement_place.ts";
import { readStatements, type Statement } from "./statements.ts";
import type { ArgInstruction, Dockerfile, Instruction, Stage } from "./types.ts";

/**
 * `name` is the file's, for messages; default: `Dockerfile`. Throws `Failure("invalid")` in the words of Docker's classic
 * builder, whose hint shows the place and guesses what was meant.
 */
export function parseDockerfile(
  source: string | Uint8Array,
  options: { readonly name?: string } = {},
): Dockerfile {
  const name = options.name ?? "Dockerfile";
  if (source.length === 0) throw new Failure("invalid", `the Dockerfile (${name}) cannot be empty`);
  const fileLines = sourceLines(source);
  const lines = fileLines.map(({ text }) => text);
  try {
    const { statements, escape, directives, comments } = readStatements(fileLines, "\\");
    const parsed = parseAll(statements, escape, lines);
    if (parsed.length === 0)
      throw new Failure("invalid", `failed to parse ${name}: file with no instructions`);
    const { globalArgs, stages } = intoStages(parsed.map(({ instruction }) => instruction));
    if (stages.length === 0) throw new Failure("invalid", "dockerfile contains no stages to build");
    const { syntax, check } = directives;
    return {
      name,
      lines,
      directives: { ...(syntax === undefined ? {} : { syntax }), ...(check === undefined ? {} : { check }) },
      escape,
      globalArgs,
      stages,
      comments,
      warnings: fileWarnings(statements, parsed, stages),
    };
  } catch (error) {
    if (error instanceof LocatedComplaint) throw parseFailure(error, lines, name);
    throw error;
  }
}

/** Of several faults the one is thrown that Docker finds first: it takes all lines apart before it reads any. */
function parseAll(
  statements: readonly Statement[],
  escape: "\\" | "`",
  lines: readonly string[],
): ParsedStatement[] {
  const parsed: ParsedStatement[] = [];
  let first: LocatedComplaint | undefined;
  let started = false;
  for (const statement of statements) {
    try {
      const each = parseStatement(statement, escape, lines);
      parsed.push(each);
      started ||= each.instruction.kind === "from";
      if (!started && each.instruction.kind !== "arg") throw beforeFrom(statement);
    } catch (error) {
      if (!(error instanceof LocatedComplaint)) throw error;
      if (error.complaint.phase === "syntax") throw error;
      first ??= error;
    }
  }
  if (first !== undefined) throw first;
  return parsed;
}

function beforeFrom({ place, text }: Statement): LocatedComplaint {
  return new LocatedComplaint(
    new Complaint("no build stage in current context", { phase: "file" }),
    place,
    text,
  );
}

function intoStages(instructions: readonly Instruction[]): { globalArgs: ArgInstruction[]; stages: Stage[] } {
  const globalArgs: ArgInstruction[] = [];
  const stages: { from: Stage["from"]; instructions: Stage["instructions"][number][] }[] = [];
  for (const instruction of instructions) {
    const stage = stages.at(-1);
    if (instruction.kind === "from") stages.push({ from: instruction, instructions: [] });
    else if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.kind === "arg") globalArgs.push(instruction);
  }
  return { globalArgs, stages };
}
