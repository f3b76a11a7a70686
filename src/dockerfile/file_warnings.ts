/** What Docker warns of in a file as a whole; texts are those of `docker build --check`. */
import type { ParsedStatement } from "./parse_statement.ts";
import type { Statement } from "./statements.ts";
import type { DockerfileWarning, Stage } from "./types.ts";

/** Of the whole file, in the order of the lines: those of single instructions too. */
export function fileWarnings(
  statements: readonly Statement[],
  parsed: readonly ParsedStatement[],
  stages: readonly Stage[],
): DockerfileWarning[] {
  const warnings = [
    ...statements.flatMap(blankLines),
    ...parsed.flatMap((each) => each.warnings),
    ...casing(parsed),
    ...duplicateStages(stages),
    ...stages.flatMap(onlyOneCounts),
    ...stages.flatMap(shellForms),
  ];
  return warnings.sort((a, b) => a.span.start.line - b.span.start.line);
}

function blankLines({ text, blankLines: [line] }: Statement): DockerfileWarning[] {
  if (line === undefined) return [];
  const span = { start: { line, column: 1 }, end: { line, column: 1 } };
  return [{ rule: "NoEmptyContinuation", message: `Empty continuation line found in: ${text}`, span }];
}

function casing(parsed: readonly ParsedStatement[]): DockerfileWarning[] {
  const lower = parsed.filter(({ word }) => word === word.toLowerCase()).length;
  const upper = parsed.filter(({ word }) => word === word.toUpperCase()).length;
  const [name, cased] =
    lower > upper
      ? ["lowercase", (word: string) => word.toLowerCase()]
      : ["uppercase", (word: string) => word.toUpperCase()];
  return parsed
    .filter(({ word }) => word !== (cased as (word: string) => string)(word))
    .map(({ word, instruction: { span } }) => ({
      rule: "ConsistentInstructionCasing",
      message: `Command '${word}' should match the case of the command majority (${name as string})`,
      span,
    }));
}

/** The later stage has the name from then on. */
function duplicateStages(stages: readonly Stage[]): DockerfileWarning[] {
  const seen = new Set<string>();
  return stages.flatMap(({ from: { name, span } }) => {
    if (name === undefined) return [];
    const isNew = !seen.has(name);
    seen.add(name);
    if (isNew) return [];
    const message = `Duplicate stage name ${JSON.stringify(name)}, stage names should be unique`;
    return [{ rule: "DuplicateStageName", message, span }];
  });
}

/** All but the last are ignored, so those are shown. */
function onlyOneCounts({ instructions }: Stage): DockerfileWarning[] {
  return (["cmd", "entrypoint", "healthcheck"] as const).flatMap((kind) =>
    instructions
      .filter((instruction) => instruction.kind === kind)
      .slice(0, -1)
      .map(({ span }) => ({
        rule: "MultipleInstructionsDisallowed",
        message: `Multiple ${kind.toUpperCase()} instructions should not be used in the same stage because only the last one will be used`,
        span,
      })),
  );
}

/** Whoever has chosen a shell wants it. */
function shellForms({ instructions }: Stage): DockerfileWarning[] {
  const shell = instructions.findIndex(({ kind }) => kind === "shell");
  return instructions.slice(0, shell < 0 ? undefined : shell).flatMap((instruction) => {
    if (instruction.kind !== "cmd" && instruction.kind !== "entrypoint") return [];
    if (instruction.command.form === "exec") return [];
    const message = `JSON arguments recommended for ${instruction.kind.toUpperCase()} to prevent unintended behavior related to OS signals`;
    return [{ rule: "JSONArgsRecommended", message, span: instruction.span }];
  });
}
