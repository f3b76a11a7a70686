/** Variables that are used and never set. Text is Docker's. */
import { guess } from "../../guess.ts";
import type { Instruction, Stage } from "../../types.ts";
import { globalDefaults, type LintContext, stagesBelow } from "../lint_context.ts";
import type { Draft } from "../types.ts";
import { valueOf } from "./from_arguments.ts";

/** What is set in every stage, or can be given to any without an ARG (docs: "Predefined ARGs"). */
const predefined = [
  "PATH",
  ...["HTTP", "HTTPS", "FTP", "NO", "ALL"].flatMap((name) => [
    `${name}_PROXY`,
    `${name.toLowerCase()}_proxy`,
  ]),
];

/** Names among which a misspelled one is looked for: a file may be made to have very many. */
const mostGuesses = 500;

interface Scope {
  readonly known: Set<string>;
  /** Whether all that the base image sets is known. */
  readonly isWhole: boolean;
}

/**
 * Without the base image nobody knows what it sets. Then only names are reported that images do not use for what they
 * set, or that are nearly one that the Dockerfile declares.
 */
export function variables(context: LintContext): Draft[] {
  return context.dockerfile.stages.flatMap((stage) => {
    const scope = scopeOf(context, stage);
    return stage.instructions.flatMap((instruction) => {
      const found = undefinedIn(context, instruction, scope);
      for (const name of definedBy(instruction)) scope.known.add(name);
      return found;
    });
  });
}

function scopeOf({ dockerfile, options }: LintContext, stage: Stage): Scope {
  const stages = stagesBelow(dockerfile, stage);
  const image = stages[0]?.from.image ?? "";
  const brought = image === "scratch" ? [] : options.environment?.(image);
  // ARGs hold in their own stage only.
  const below = stages
    .slice(0, -1)
    .flatMap(({ instructions }) =>
      instructions.flatMap((instruction) => (instruction.kind === "env" ? definedBy(instruction) : [])),
    );
  return { known: new Set([...predefined, ...below, ...(brought ?? [])]), isWhole: brought !== undefined };
}

function undefinedIn({ dockerfile }: LintContext, instruction: Instruction, scope: Scope): Draft[] {
  const missing = new Set<string>();
  const lookup = (name: string): string | undefined => (scope.known.has(name) ? "x" : undefined);
  for (const word of expandedWords(instruction)) {
    valueOf(word, lookup, dockerfile.escape, (name) => missing.add(name));
  }
  const globals = [...globalDefaults(dockerfile).keys()];
  return [...missing].flatMap((name) => {
    const near = scope.known.size > mostGuesses ? undefined : guess(name, scope.known);
    const isBaseLike = /^[A-Z][A-Z0-9_]*$/.test(name) && near === undefined && !globals.includes(name);
    if (isBaseLike && !scope.isWhole) return [];
    const message = `Usage of undefined variable '$${name}'${near === undefined ? "" : ` (did you mean $${near}?)`}`;
    return { rule: "UndefinedVar", message, span: instruction.span } satisfies Draft;
  });
}

function definedBy(instruction: Instruction): string[] {
  const isSetting = instruction.kind === "arg" || instruction.kind === "env";
  return isSetting ? instruction.values.map(({ name }) => name) : [];
}

/** Words in which Docker replaces variables (docs: "Environment replacement"). */
function expandedWords(instruction: Instruction): readonly string[] {
  switch (instruction.kind) {
    case "copy":
    case "add":
      return [
        ...instruction.sources,
        instruction.destination,
        instruction.chown ?? "",
        instruction.chmod ?? "",
      ];
    case "env":
    case "label":
      return instruction.values.flatMap(({ name, value }) => [name, value]);
    case "arg":
      return instruction.values.map(({ value }) => value ?? "");
    case "expose":
      return instruction.ports;
    case "volume":
      return instruction.paths;
    case "workdir":
      return [instruction.path];
    case "user":
      return [instruction.user];
    case "stopsignal":
      return [instruction.signal];
    case "run":
    case "cmd":
    case "entrypoint":
    case "shell":
    case "healthcheck":
    case "onbuild":
    case "maintainer":
    case "from":
      return [];
  }
}
