import type { StepId } from "../../engine/index.ts";

/** `[build 2/5]`; a trigger of the base image is of no step of the Dockerfile. */
export function stepName({ stageName, step, steps, trigger }: StepId): string {
  const name = /^\d+$/.test(stageName) ? `stage-${stageName}` : stageName;
  return trigger === undefined
    ? `[${name} ${step}/${steps}]`
    : `[${name} ONBUILD ${trigger.index}/${trigger.count}]`;
}

/** One for each step of a build. */
export function stepKey({ stage, step, trigger }: StepId): string {
  return `${stage} ${step} ${trigger?.index ?? ""}`;
}

/** The instruction on one line; of a here-document its first. */
export function stepText(text: string): string {
  return (text.split("\n", 1)[0] ?? "").replace(/\s+/g, " ");
}
