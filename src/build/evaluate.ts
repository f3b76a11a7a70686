/** From an instruction and the state of its stage to the step that has to be done. */
import type { Instruction } from "../dockerfile/index.ts";
import type { StageRun } from "./build_run.ts";
import { expandInstruction } from "./classic/index.ts";
import { editConfig, setsCommand } from "./config/index.ts";
import type { StageState } from "./stage_state.ts";
import type { Step } from "./step.ts";
import { copyStep } from "./steps/copy_step.ts";
import { runStep } from "./steps/run_step.ts";
import { workdirWork } from "./steps/workdir_step.ts";
import type { StepId } from "./types.ts";

/** Nothing is run or read yet, but for the places from which files are taken. Throws `Failure("invalid")`. */
export async function evaluate(
  run: StageRun,
  state: StageState,
  instruction: Instruction,
  id: StepId,
): Promise<Step> {
  const before = state.config;
  const variables = {
    word: (text: string) => run.scope.word(text, before),
    words: (text: string) => run.scope.words(text, before),
  };
  const expanded = expandInstruction(instruction, variables);
  const config = editConfig(before, instruction, { ...variables, commandSet: run.commandSet });
  if (setsCommand(instruction)) run.commandSet = true;
  const step = { id, instruction, expanded, config };
  switch (instruction.kind) {
    case "copy":
    case "add":
      return { ...step, ...(await copyStep(run, state, instruction, id)) };
    case "run":
      return { ...step, ...(await runStep(run, state, instruction, id)) };
    case "workdir":
      return { ...step, work: workdirWork(run, config), facts: {} };
    case "arg":
      return { ...step, facts: { declared: run.scope.declare(instruction, before) } };
    default:
      return { ...step, facts: {} };
  }
}
