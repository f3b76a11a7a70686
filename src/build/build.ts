/** A build: stages side by side, an image at the end. */
import { throwIfCancelled } from "../bytes/index.ts";
import type { Instruction } from "../dockerfile/index.ts";
import { familiarReference, hostPlatform } from "../oci/index.ts";
import { withSession, type Session, type StoredImage } from "../store/index.ts";
import type { BuildRun } from "./build_run.ts";
import { ClassicBooks } from "./classic_books.ts";
import { GraphBooks } from "./graph_books.ts";
import { labelSteps } from "./label_steps.ts";
import { planBuild, type Plan } from "./plan.ts";
import { runStage } from "./run_stage.ts";
import { unusedArgs } from "./scope.ts";
import { Sources } from "./sources.ts";
import type { StageState } from "./stage_state.ts";
import { StepMemory } from "./step_memory.ts";
import type { BuildEvent, BuildOptions, BuildResult, BuildServices, StepRecord } from "./types.ts";

/**
 * Builds the target stage with all that it needs, and names the image. Stages that do not need each other run side by
 * side. When a step fails the others are cancelled, no name is set, and what was done stays in the cache.
 * @throws Failure("invalid") for what the Dockerfile or a command does wrong; what services and store throw
 */
export async function buildImage(services: BuildServices, options: BuildOptions): Promise<BuildResult> {
  throwIfCancelled(options.signal);
  const buildPlatform = hostPlatform();
  const plan = planBuild({ ...options, platform: options.platform ?? buildPlatform, buildPlatform });
  return withSession(services.store, async (session) => {
    await using building = new Building(services, options, plan, session);
    return await building.run();
  });
}

class Building implements AsyncDisposable {
  readonly #run: BuildRun;
  readonly #stages = new Map<number, Promise<StageState>>();
  readonly #failure = new AbortController();
  readonly #records: StepRecord[] = [];
  readonly #memory: StepMemory;

  constructor(services: BuildServices, options: BuildOptions, plan: Plan, session: Session) {
    const sources = new Sources();
    this.#memory = new StepMemory(services.store, options);
    const run: BuildRun = {
      services,
      options,
      plan,
      session,
      books:
        options.mode === "classic"
          ? new ClassicBooks(services.store, options.dockerVersion ?? "", options.cacheImages)
          : new GraphBooks(services.store, this.#memory),
      open: new AsyncDisposableStack(),
      signal: AbortSignal.any([options.signal, this.#failure.signal]),
      stage: (index) => this.#stage(index),
      image: (name, platform, id) =>
        services.image(name, {
          platform,
          pull: options.pull === true,
          signal: run.signal,
          report: ({ status, ...rest }) =>
            this.#emit({
              kind: "progress",
              status: rest.id ? `${rest.id}: ${status}` : status,
              ...numbers(rest),
              id,
            }),
        }),
      source: (from, stage, id) => sources.get(run, from, stage, id),
      emit: (event) => this.#emit(event),
    };
    this.#run = run;
  }

  async run(): Promise<BuildResult> {
    const { options } = this.#run;
    this.#announce();
    const state = options.mode === "classic" ? await this.#inOrder() : await this.#sideBySide();
    const image = await this.#run.books.finish(this.#run, state);
    await this.#name(image);
    this.#memory.save(this.#records.map(({ cache }) => cache));
    const order = (record: StepRecord): number => record.id.stage * 1e6 + record.id.step;
    return {
      image,
      steps: this.#records.toSorted((a, b) => order(a) - order(b)),
      warnings: options.dockerfile.warnings,
    };
  }

  #announce(): void {
    const { options, plan } = this.#run;
    const stages = plan.stages.map(({ index, name, stage, base }) => ({
      name,
      steps:
        stage.instructions.length + 1 + (index === plan.target ? labelSteps(options, { stage }).length : 0),
      needed: options.mode === "classic" ? index <= plan.target : plan.needed.has(index),
      ...(base.kind === "image" && { image: base.name }),
      works: [
        ...(base.kind === "image" ? [1] : []),
        ...stage.instructions.flatMap(({ kind }, at) => (worksOnFiles(kind) ? [at + 2] : [])),
      ],
    }));
    const globalArgs = options.dockerfile.globalArgs.map(({ text }) => text);
    this.#emit({ kind: "plan", stages, globalArgs });
    for (const warning of options.dockerfile.warnings) this.#emit({ kind: "warning", warning });
    this.#warnOfUnusedArgs();
  }

  #warnOfUnusedArgs(): void {
    const { dockerfile, buildArgs = {} } = this.#run.options;
    const inStages = dockerfile.stages.flatMap(({ instructions }) => instructions.filter(isArg));
    const unused = unusedArgs(buildArgs, [...dockerfile.globalArgs, ...inStages]);
    if (unused.length === 0) return;
    const message = `One or more build-args [${unused.join(" ")}] were not consumed`;
    const start = { line: 1, column: 1 };
    this.#emit({
      kind: "warning",
      warning: { rule: "UnusedBuildArg", message, span: { start, end: start } },
    });
  }

  /** Docker's old builder does every stage up to the target. */
  async #inOrder(): Promise<StageState> {
    let state: StageState | undefined;
    for (let index = 0; index <= this.#run.plan.target; index++) state = await this.#stage(index);
    return state as StageState;
  }

  async #sideBySide(): Promise<StageState> {
    const { plan } = this.#run;
    await Promise.allSettled([...plan.needed].map((index) => this.#stage(index)));
    // What failed first, not what was cancelled for it.
    this.#failure.signal.throwIfAborted();
    return this.#stage(plan.target);
  }

  #stage(index: number): Promise<StageState> {
    const known = this.#stages.get(index);
    if (known !== undefined) return known;
    const planned = this.#run.plan.stages[index];
    if (planned === undefined) throw new Error(`no stage ${index}`);
    const running = runStage(this.#run, planned);
    this.#stages.set(index, running);
    running.catch((error: unknown) => this.#failure.abort(error));
    return running;
  }

  async #name(image: StoredImage): Promise<void> {
    const { services, options } = this.#run;
    const { store } = services;
    const names = options.names ?? [];
    if (names.length > 0) {
      await store.names.setAll(names, image.id);
      await store.images.markUpdated(image.id);
    }
    this.#emit({ kind: "done", image: image.id, names: names.map(familiarReference) });
  }

  #emit(event: BuildEvent): void {
    if (event.kind === "step-done") this.#records.push(event.record);
    this.#run.options.onEvent?.(event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run.open.disposeAsync();
  }
}

function numbers({ current, total }: { readonly current?: number; readonly total?: number }) {
  return { ...(current !== undefined && { current }), ...(total !== undefined && { total }) };
}

function isArg<T extends { readonly kind: string }>(
  instruction: T,
): instruction is Extract<T, { kind: "arg" }> {
  return instruction.kind === "arg";
}

/** BuildKit has no vertex for the others (frontend/dockerfile/dockerfile2llb, `dispatch`: `cmdTotal`). */
function worksOnFiles(kind: Instruction["kind"]): boolean {
  return kind === "run" || kind === "copy" || kind === "add" || kind === "workdir";
}
