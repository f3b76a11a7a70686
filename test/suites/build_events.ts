/** Events of a build for tests of what shows them. */
import type { BuildEvent, CacheOutcome, StepId } from "../../src/build/index.ts";
import { digestOf } from "../../src/oci/index.ts";

const span = { start: { line: 3, column: 1 }, end: { line: 3, column: 9 } };

export const stepOf = (stageName: string, step: number, steps = 3): StepId => ({
  stage: [...stageName].reduce((sum, letter) => sum + (letter.codePointAt(0) as number), 0),
  stageName,
  step,
  steps,
});

export const planOf = (...steps: readonly number[]): BuildEvent => ({
  kind: "plan",
  stages: steps.map((each, index) => ({ name: String(index), steps: each, needed: true, works: [] })),
  globalArgs: [],
});

export const started = (id: StepId, text: string): BuildEvent => ({ kind: "step-started", id, text, span });

export const said = (
  id: StepId,
  text: string | Uint8Array,
  stream: "stdout" | "stderr" = "stdout",
): BuildEvent => ({ kind: "output", id, stream, chunk: Buffer.from(text) });

/** @param size of its layer in bytes */
export const done = (
  id: StepId,
  { size, cache }: { readonly size?: number; readonly cache?: CacheOutcome } = {},
): BuildEvent => ({
  kind: "step-done",
  id,
  record: {
    id,
    text: "",
    span,
    milliseconds: 1234,
    ...(size !== undefined && { layer: { diffId: digestOf("d"), chainId: digestOf("c"), size } }),
    ...(cache !== undefined && { cache }),
  },
});

export const failed = (id: StepId, error: unknown): BuildEvent => ({ kind: "step-failed", id, error });

export const warned = (rule: string, message: string): BuildEvent => ({
  kind: "warning",
  warning: { rule, message, span },
});
