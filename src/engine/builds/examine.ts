/** What the lines of a Dockerfile cost, and what could be better in it: by its text, and by the image that it gave. */
import { lintBuild, measureCosts, type LineCost } from "../../build/index.ts";
import { lintDockerfile, type LintFinding } from "../../dockerfile/index.ts";
import type { Store } from "../../store/index.ts";
import type { BuildOutcome } from "./types.ts";

export interface Examined {
  /** Of the stages that are in the image, in the order of the lines; [] if nothing was measured. */
  readonly costs: readonly LineCost[];
  /** Those that lose most bytes first. */
  readonly findings: readonly LintFinding[];
}

export interface ExamineOptions {
  /** Rules that say nothing. */
  readonly skip?: readonly string[];
  /** Default: true. Else it is the text alone that is looked at. */
  readonly measure?: boolean;
  readonly signal: AbortSignal;
}

/** Measures the layers that the build has made; the base image's are not read but where they are hidden. */
export async function examineBuild(
  store: Store,
  { steps, image, dockerfile, ignore }: BuildOutcome,
  { skip = [], measure = true, signal }: ExamineOptions,
): Promise<Examined> {
  const options = { skip, ...(ignore && { ignore }) };
  if (!measure) return { costs: [], findings: lintDockerfile(dockerfile, options) };
  const costs = await measureCosts(store, { steps, image }, { signal });
  return { costs, findings: lintBuild(dockerfile, costs, options) };
}
