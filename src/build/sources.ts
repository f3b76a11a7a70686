/** Where a build's files come from, each opened once. */
import { Failure, isFailure } from "../errors.ts";
import { stackOf } from "../image/index.ts";
import type { BuildRun, Source } from "./build_run.ts";
import { stageCalled, type PlannedStage } from "./plan.ts";
import { memorySource, openLayersSource } from "./source/index.ts";
import { beginStage, type StageState } from "./stage_state.ts";
import type { StepId } from "./types.ts";

/** Finds what `--from=NAME` means, once for each name. */
export class Sources {
  readonly #found = new Map<string, Promise<Source>>();

  /** @param from undefined: the build context @throws Failure("not-found") for what is no stage, image or context */
  get(build: BuildRun, from: string | undefined, planned: PlannedStage, id: StepId): Promise<Source> {
    const before = build.plan.stages.slice(0, planned.index);
    const stage = from === undefined ? undefined : stageCalled(from, before, build.options.contexts);
    const key = from === undefined ? "" : stage === undefined ? `=${from}` : String(stage);
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const opening =
      from === undefined
        ? contextSource(build)
        : stage === undefined
          ? elsewhere(build, from, planned, id)
          : build.stage(stage).then((state) => layersSource(build, state, from));
    this.#found.set(key, opening);
    return opening;
  }
}

async function contextSource({ options: { context }, open }: BuildRun): Promise<Source> {
  if (typeof context === "function") return { tree: await context() };
  return { tree: context ?? open.use(memorySource(new Map())) };
}

async function elsewhere(build: BuildRun, from: string, planned: PlannedStage, id: StepId): Promise<Source> {
  if (from === "scratch") return { tree: build.open.use(memorySource(new Map())) };
  const context = build.options.contexts?.get(from);
  if (context !== undefined && !("image" in context)) return { tree: context };
  try {
    const image = await build.image(context?.image ?? from, planned.platform, id);
    return await layersSource(build, beginStage(image, planned.platform), from);
  } catch (error) {
    throw betterReason(build, from, planned, error);
  }
}

/** What is no image was most likely meant as a stage. */
function betterReason(
  { plan, options }: BuildRun,
  from: string,
  planned: PlannedStage,
  error: unknown,
): unknown {
  const later = plan.stages.find(
    (stage) => stage.index >= planned.index && stage.stage.from.name === from.toLowerCase(),
  );
  if (later !== undefined) {
    const hint = `The stage ${from} begins in line ${later.stage.from.span.start.line}: only what stands before can be copied from.`;
    return new Failure("invalid", `invalid from flag value ${from}: no image is called so`, {
      hint,
      cause: error,
    });
  }
  if (/^\d+$/.test(from))
    return new Failure("invalid", `invalid from flag value ${from}: invalid stage index ${from}`, {
      cause: error,
    });
  // Docker's old builder says so of whatever fails there (moby, daemon/builder/dockerfile/dispatchers.go, `dispatchCopy`).
  if (options.mode !== "classic" || !isFailure(error) || error.kind === "cancelled") return error;
  return new Failure(error.kind, `invalid from flag value ${from}: ${error.message}`, { cause: error });
}

async function layersSource(build: BuildRun, layers: StageState, name: string): Promise<Source> {
  const { store } = build.services;
  const stack = await stackOf(store, layers.diffIds);
  return { tree: build.open.use(await openLayersSource(store, stack, { name })), layers };
}
