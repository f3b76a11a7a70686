/** One stage from its base to its last instruction. */
import { parseInstruction, type Instruction } from "../dockerfile/index.ts";
import type { StoredImage } from "../store/index.ts";
import type { BuildRun, StageRun } from "./build_run.ts";
import { evaluate } from "./evaluate.ts";
import { labelSteps } from "./label_steps.ts";
import type { PlannedStage } from "./plan.ts";
import { Scope } from "./scope.ts";
import { beginStage, type StageState } from "./stage_state.ts";
import type { StepId, StepRecord } from "./types.ts";

/** Throws what its steps throw; then the step's failure was told already. */
export async function runStage(build: BuildRun, planned: PlannedStage): Promise<StageState> {
  const { dockerfile, buildArgs = {}, noCache = false } = build.options;
  const run: StageRun = {
    build,
    planned,
    scope: new Scope({ plan: build.plan, given: buildArgs, escape: dockerfile.escape }),
    useCache: typeof noCache === "boolean" ? !noCache : !noCache.includes(planned.name),
    commandSet: false,
  };
  let state = await doBase(run);
  const triggers = (state.config.OnBuild ?? []).map((text) => parseInstruction(text, dockerfile));
  if (triggers.length > 0) state = { ...state, config: { ...state.config, OnBuild: null } };
  for (const [index, instruction] of triggers.entries()) {
    const trigger = { index: index + 1, count: triggers.length };
    state = await doStep(run, state, instruction, { ...stepId(planned, 1), trigger });
  }
  const added = planned.index === build.plan.target ? labelSteps(build.options, planned) : [];
  for (const [index, instruction] of [...planned.stage.instructions, ...added].entries()) {
    state = await doStep(run, state, instruction, stepId(planned, index + 2));
  }
  return state;
}

function stepId({ index, name, stage }: PlannedStage, step: number): StepId {
  return { stage: index, stageName: name, step, steps: stage.instructions.length + 1 };
}

/** `FROM`. */
async function doBase(run: StageRun): Promise<StageState> {
  const { build, planned } = run;
  const id = stepId(planned, 1);
  return told(build, id, planned.stage.from, async () => {
    const state = await baseState(build, planned, id);
    const image = state.stored === undefined ? {} : { image: state.stored.id };
    return { state, record: image };
  });
}

async function baseState(build: BuildRun, planned: PlannedStage, id: StepId): Promise<StageState> {
  const { base, platform } = planned;
  switch (base.kind) {
    case "scratch":
      return beginStage(undefined, platform);
    case "stage": {
      // Each stage has its own MAINTAINER.
      const { author, ...state } = await build.stage(base.index);
      void author;
      return state;
    }
    case "image":
      return beginStage(await build.image(base.name, platform, id), platform);
    case "context":
      return beginStage(await contextAsBase(build, planned, base.name, id), platform);
  }
}

/** A named context of files is no base. */
async function contextAsBase(
  build: BuildRun,
  planned: PlannedStage,
  name: string,
  id: StepId,
): Promise<StoredImage> {
  const { layers } = await build.source(name, planned, id);
  if (layers?.stored !== undefined) return layers.stored;
  return build.image(name, planned.platform, id);
}

async function doStep(
  run: StageRun,
  state: StageState,
  instruction: Instruction,
  id: StepId,
): Promise<StageState> {
  const { build } = run;
  return told(build, id, instruction, async () => {
    build.signal.throwIfAborted();
    return build.books.apply(run, state, await evaluate(run, state, instruction, id));
  });
}

/** Tells of the step's beginning, end or failure. */
async function told(
  build: BuildRun,
  id: StepId,
  { text, span }: Pick<Instruction, "text" | "span">,
  work: () => Promise<{
    readonly state: StageState;
    readonly record: Pick<StepRecord, "layer" | "image" | "cache">;
  }>,
): Promise<StageState> {
  build.emit({ kind: "step-started", id, text, span });
  const begun = performance.now();
  try {
    const { state, record } = await work();
    const milliseconds = performance.now() - begun;
    build.emit({ kind: "step-done", id, record: { id, text, span, milliseconds, ...record } });
    return state;
  } catch (error) {
    build.emit({ kind: "step-failed", id, error });
    throw error;
  }
}
