/** Tells why steps were not cached, by what the last build of the same Dockerfile depended on. */
import type { Store } from "../store/index.ts";
import {
  explainMiss,
  readLastBuild,
  sameStep,
  stepFacts,
  writeLastBuild,
  type LastBuild,
  type RememberedStep,
  type StepParts,
} from "./cache/index.ts";
import type { Step } from "./step.ts";
import type { BuildOptions, CacheOutcome } from "./types.ts";

export class StepMemory {
  readonly #store: Store;
  readonly #options: Pick<BuildOptions, "series">;
  /** Worked out when they are wanted: of many files they take a while, and most builds find all in the cache. */
  readonly #steps: (() => RememberedStep)[] = [];
  #last: LastBuild | undefined;
  #isRead = false;

  constructor(store: Store, options: Pick<BuildOptions, "series">) {
    this.#store = store;
    this.#options = options;
  }

  /** Takes note of what the step depended on. */
  note({ id, instruction }: Step, parts: Omit<StepParts, "text">): void {
    this.#steps.push(() => ({
      stage: id.stageName,
      step: id.step,
      facts: stepFacts({ text: instruction.text, ...parts }),
    }));
  }

  /** {@link note}, and the reason of a miss. */
  explain({ id, instruction }: Step, parts: Omit<StepParts, "text">): string {
    const { text } = instruction;
    const remembered = { stage: id.stageName, step: id.step, facts: stepFacts({ text, ...parts }) };
    this.#steps.push(() => remembered);
    return explainMiss(sameStep(this.#lastBuild(), { ...remembered, text }), remembered.facts);
  }

  /** Remembers this build in place of the last. */
  save(outcomes: readonly (CacheOutcome | undefined)[]): void {
    const { series } = this.#options;
    // A build that found all its steps has nothing new to say.
    if (series === undefined || outcomes.every((outcome) => outcome === undefined || outcome.hit)) return;
    writeLastBuild(this.#store, series, { steps: this.#steps.map((step) => step()) });
  }

  #lastBuild(): LastBuild | undefined {
    const { series } = this.#options;
    if (!this.#isRead && series !== undefined) this.#last = readLastBuild(this.#store, series);
    this.#isRead = true;
    return this.#last;
  }
}
