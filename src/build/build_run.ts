/** What all stages of one build share. */
import type { Platform } from "../oci/index.ts";
import type { Session, StoredImage } from "../store/index.ts";
import type { Plan, PlannedStage } from "./plan.ts";
import type { Scope } from "./scope.ts";
import type { SourceTree } from "./source/types.ts";
import type { StageState } from "./stage_state.ts";
import type { Step } from "./step.ts";
import type { BuildEvent, BuildOptions, BuildServices, StepId, StepRecord } from "./types.ts";

export interface BuildRun {
  readonly services: BuildServices;
  readonly options: BuildOptions;
  readonly plan: Plan;
  readonly session: Session;
  readonly books: Books;
  /** What lives as long as the build: opened trees, checked out repositories. */
  readonly open: AsyncDisposableStack;
  /** Cancelled also when another stage has failed. */
  readonly signal: AbortSignal;
  /** The end of a stage; starts it if nobody has. */
  stage(index: number): Promise<StageState>;
  image(name: string, platform: Platform, id: StepId): Promise<StoredImage>;
  /** Files to copy from: of the context, or of a stage, image or named context by its name in `stage`. */
  source(from: string | undefined, stage: PlannedStage, id: StepId): Promise<Source>;
  emit(event: BuildEvent): void;
}

export interface Source {
  readonly tree: SourceTree;
  /** Layers whose content never changes; undefined for a build context. */
  readonly layers?: StageState;
}

/** One stage while it is built. */
export interface StageRun {
  readonly build: BuildRun;
  readonly planned: PlannedStage;
  readonly scope: Scope;
  /** Whether steps may be taken from the cache. */
  readonly useCache: boolean;
  /** A `CMD` was given in this stage: an `ENTRYPOINT` after it leaves it alone. */
  commandSet: boolean;
}

export interface Applied {
  readonly state: StageState;
  readonly record: Pick<StepRecord, "layer" | "image" | "cache">;
}

/** How steps become layers and images: one image at the end, or one for each step. */
export interface Books {
  /** Does the step, or finds that it was done before. */
  apply(run: StageRun, state: StageState, step: Step): Promise<Applied>;
  /** The image of the finished target, in the store and not yet named. */
  finish(build: BuildRun, state: StageState): Promise<StoredImage>;
}

/** What a row of history and a config tell of time, in RFC 3339. */
export function timeNow({ sourceDateEpoch }: Pick<BuildOptions, "sourceDateEpoch">): string {
  return new Date(sourceDateEpoch === undefined ? Date.now() : sourceDateEpoch * 1000).toISOString();
}
