/** Which of a build's steps made the image that came out. */
import type { StepRecord } from "../types.ts";

const fromLine = /^FROM\s+(?:--\S+\s+)*(\S+)/i;

/**
 * The steps of the stage that was wanted (the last that was built) and of the stages on which it stands, lowest first.
 * @param chain chain IDs of the image's layers: tells the stage where a variable names it
 */
export function finalSteps(steps: readonly StepRecord[], chain: ReadonlySet<string>): StepRecord[] {
  const stages = new Map<number, StepRecord[]>();
  for (const step of steps) stages.set(step.id.stage, [...(stages.get(step.id.stage) ?? []), step]);
  const result: StepRecord[][] = [];
  let stage: number | undefined = Math.max(...stages.keys());
  while (stage !== undefined && stages.has(stage)) {
    const own: StepRecord[] = stages.get(stage) ?? [];
    result.unshift(own);
    stage = below(own, stages, chain);
  }
  return result.flat();
}

function below(
  own: readonly StepRecord[],
  stages: ReadonlyMap<number, readonly StepRecord[]>,
  chain: ReadonlySet<string>,
): number | undefined {
  const [first] = own;
  const name = fromLine.exec(first?.text ?? "")?.[1]?.toLowerCase();
  if (first === undefined || name === undefined) return undefined;
  const earlier = [...stages].filter(([stage]) => stage < first.id.stage).reverse();
  const found = name.includes("$")
    ? earlier.find(([, steps]) => areIn(steps, chain))
    : earlier.find(([, [step]]) => step?.id.stageName.toLowerCase() === name);
  return found?.[0];
}

function areIn(steps: readonly StepRecord[], chain: ReadonlySet<string>): boolean {
  const layers = steps.flatMap(({ layer }) => layer ?? []);
  return layers.length > 0 && layers.every(({ chainId }) => chain.has(chainId));
}
