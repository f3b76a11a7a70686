/** Names of steps as BuildKit has them: `[build 2/5] RUN make` (frontend/dockerfile/dockerfile2llb, `prefixCommand`). */
import type { BuildEvent, StepId } from "../../engine/index.ts";
import { fullName } from "./full_name.ts";

type StagePlan = Extract<BuildEvent, { kind: "plan" }>["stages"][number];

export class StepNames {
  readonly #stages: readonly StagePlan[];

  constructor(stages: readonly StagePlan[]) {
    this.#stages = stages;
  }

  /** Undefined for a step that is no vertex. @param text the instruction */
  of({ stage: index, step, trigger }: StepId, text: string): string | undefined {
    const stage = this.#stages[index];
    if (stage === undefined) return undefined;
    const { works, image } = stage;
    const said = oneLine(text);
    if (trigger !== undefined)
      return `[${this.#prefix(index)}ONBUILD ${trigger.index}/${trigger.count}] ${said}`;
    const at = works.indexOf(step);
    if (at < 0) return undefined;
    const count = String(works.length);
    const number = String(at + 1).padStart(count.length, " ");
    const what = step === 1 && image !== undefined ? `FROM ${fullName(image)}` : said;
    return `[${this.#prefix(index)}${number}/${count}] ${what}`;
  }

  #prefix(index: number): string {
    const name = this.#stages[index]?.name ?? "";
    if (this.#stages.length < 2) return "";
    return `${/^\d+$/.test(name) ? `stage-${name}` : name} `;
  }
}

function oneLine(text: string): string {
  return (text.split("\n", 1)[0] ?? "").replace(/\s+/g, " ");
}
