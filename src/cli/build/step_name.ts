import type { StepId } from "../../engine/index.ts";

/** `[build 2/5]`; a trigger of the base image is of no step of the Dockerfile. */
export function stepName({ stageName, step, steps, trigger }: StepId): string {
  const name = /^\d+$/.test(stageName) ? `stage-${stageName}` : stageName;
  return trigger === undefined
    ? `[${name} ${step}/${steps}]`
    : `[${name} ONBUILD ${trigger.index}/${trigger.count}]`;
}
