/** What the lines of a Dockerfile cost, and what could be better in it: by its text, and by the image that it gave. */
import { measureCosts, type LineCost } from "../../build/index.ts";
import { lintDockerfile, type Dockerfile, type LintFinding } from "../../dockerfile/index.ts";
import type { Store } from "../../store/index.ts";
import type { BuildOutcome } from "./types.ts";

export interface Examined {
  /** Of the stages that are in the image, in the order of the lines. */
  readonly costs: readonly LineCost[];
  /** Those that lose most bytes first. */
  readonly findings: readonly LintFinding[];
}

export interface ExamineOptions {
  /** Rules that say nothing. */
  readonly skip?: readonly string[];
}

/** Measures the layers that the build has made; the base image's are not read but where they are hidden. */
export async function examineBuild(
  store: Store,
  { steps, image, dockerfile }: BuildOutcome,
  { skip = [], signal }: ExamineOptions & { readonly signal: AbortSignal },
): Promise<Examined> {
  const costs = await measureCosts(store, { steps, image }, { signal });
  const findings = lintDockerfile(dockerfile, { skip });
  return { costs, findings };
}

export interface Checked {
  readonly dockerfile: Dockerfile;
  readonly findings: readonly LintFinding[];
}

/** By its text alone. */
export function checkDockerfile(dockerfile: Dockerfile, { skip = [] }: ExamineOptions): Checked {
  return { dockerfile, findings: lintDockerfile(dockerfile, { skip }) };
}
