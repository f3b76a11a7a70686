/** A Dockerfile as rules look at it. */
import type { Dockerfile, Instruction, RunInstruction, Stage } from "../types.ts";
import { commandsOf, type ShellCommand } from "./shell_commands.ts";
import type { LintOptions } from "./types.ts";

export interface LintContext {
  readonly dockerfile: Dockerfile;
  readonly options: LintOptions;
}

/** A `RUN` with the commands in it. */
export interface Run {
  readonly instruction: RunInstruction;
  readonly commands: readonly ShellCommand[];
}

export function runsOf({ instructions }: Pick<Stage, "instructions">): Run[] {
  return instructions
    .filter((instruction) => instruction.kind === "run")
    .map((instruction) => ({ instruction, commands: commandsOf(instruction.command) }));
}

/** The stage on which another one stands; undefined: on an image. */
export function baseStage({ stages }: Dockerfile, stage: Stage): Stage | undefined {
  const earlier = stages.slice(0, stages.indexOf(stage));
  return earlier.findLast(({ from }) => from.name === stage.from.image.toLowerCase());
}

/** A stage and those on which it stands, lowest first. */
export function stagesBelow(dockerfile: Dockerfile, stage: Stage): Stage[] {
  const below = baseStage(dockerfile, stage);
  return below === undefined ? [stage] : [...stagesBelow(dockerfile, below), stage];
}

/** What the stage does, with all that the stages below it do. */
export function inherited(dockerfile: Dockerfile, stage: Stage): Instruction[] {
  return stagesBelow(dockerfile, stage).flatMap(({ instructions }) => instructions);
}

/** Defaults of the `ARG`s before the first `FROM`; a name without one is there, and undefined. */
export function globalDefaults({ globalArgs }: Dockerfile): Map<string, string | undefined> {
  return new Map(globalArgs.flatMap(({ values }) => values.map(({ name, value }) => [name, value])));
}
