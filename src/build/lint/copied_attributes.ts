/** Files that are in the image twice because only their mode, owner or time changed. */
import {
  type Dockerfile,
  type Draft,
  instructionAt,
  type LintFinding,
  type LintFix,
  mergedRuns,
} from "../../dockerfile/index.ts";
import type { LineCost } from "../costs/index.ts";
import { exampleText } from "./examples.ts";

/** @param guessed what the text alone gave: it knows the flags that COPY lacks */
export function copiedAttributes(
  dockerfile: Dockerfile,
  costs: readonly LineCost[],
  guessed: readonly LintFinding[],
): Draft[] {
  return costs.flatMap((cost, index): Draft[] => {
    const { copied, hides, line } = cost;
    if (copied.bytes === 0) return [];
    const groups = hides.filter(({ how }) => how === "copied").sort((a, b) => b.bytes - a.bytes);
    const message = `${exampleText(groups[0]?.examples ?? [], copied.files)} ${copied.files > 1 ? "are" : "is"} copied whole, though no content changed`;
    const guess = guessed.find(
      ({ rule, span }) => rule === "AttributesChangedAfterCopy" && span.start.line === line,
    );
    const fix = guess?.fix ?? merged(dockerfile, costs[index - 1], cost, groups[0]?.line);
    const span = instructionAt(dockerfile, line)?.span ?? cost.span;
    return [{ rule: "AttributesChangedAfterCopy", message, span, bytesLost: copied.bytes, fix }];
  });
}

/** The RUN that made the files can change them before there is a layer. */
function merged(
  dockerfile: Dockerfile,
  before: LineCost | undefined,
  { line }: LineCost,
  maker: number | undefined,
): LintFix | undefined {
  if (before === undefined || before.line !== maker) return undefined;
  const [first, second] = [instructionAt(dockerfile, before.line), instructionAt(dockerfile, line)];
  return first && second && mergedRuns(dockerfile, first, second);
}
