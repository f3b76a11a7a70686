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
  readonly #steps: RememberedStep[] = [];
  #last: LastBuild | undefined;
  #isRead = false;

  constructor(store: Store, options: Pick<BuildOptions, "series">) {
    this.#store = store;
    this.#options = options;
  }

  /** Takes note of the step's facts; the reason of a miss. */
  explain({ id, instruction }: Step, parts: Omit<StepParts, "text">): string {
    const facts = stepFacts({ text: instruction.text, ...parts });
    this.#steps.push({ stage: id.stageName, step: id.step, facts });
    const place = { stage: id.stageName, step: id.step, text: instruction.text };
    return explainMiss(sameStep(this.#lastBuild(), place), facts);
  }

  /** Remembers this build in place of the last. */
  save(outcomes: readonly (CacheOutcome | undefined)[]): void {
    const { series } = this.#options;
    // A build that found all its steps has nothing new to say.
    if (series === undefined || outcomes.every((outcome) => outcome === undefined || outcome.hit)) return;
    writeLastBuild(this.#store, series, { steps: this.#steps });
  }

  #lastBuild(): LastBuild | undefined {
    const { series } = this.#options;
    if (!this.#isRead && series !== undefined) this.#last = readLastBuild(this.#store, series);
    this.#isRead = true;
    return this.#last;
  }
}
