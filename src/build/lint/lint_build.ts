/** What could be better in a Dockerfile, with what it costs in the image that was built of it. */
import {
  type Dockerfile,
  judged,
  lintDockerfile,
  type LintFinding,
  type LintOptions,
} from "../../dockerfile/index.ts";
import type { LineCost } from "../costs/index.ts";
import { cachesLeft } from "./caches_left.ts";
import { copiedAttributes } from "./copied_attributes.ts";
import { hiddenFiles } from "./hidden_files.ts";
import { largeBase } from "./large_base.ts";

export interface LintBuildOptions extends LintOptions {
  /** Bytes from which a base image is large (default: 200 MB). */
  readonly largeBase?: number;
}

/** Here the text only guesses what the layers tell. */
const measured: ReadonlySet<string> = new Set([
  "PackageCacheLeft",
  "AttributesChangedAfterCopy",
  "DeletedInLaterLayer",
]);

/**
 * All findings of {@link lintDockerfile}, those that can be measured by measure alone: with bytes where the image has
 * them, and not at all where it has none. What costs most comes first.
 * @param costs as `measureCosts` gives them
 */
export function lintBuild(
  dockerfile: Dockerfile,
  costs: readonly LineCost[],
  options: LintBuildOptions = {},
): LintFinding[] {
  const guessed = lintDockerfile(dockerfile, options);
  const drafts = [
    ...hiddenFiles(dockerfile, costs),
    ...cachesLeft(dockerfile, costs),
    ...copiedAttributes(dockerfile, costs, guessed),
    ...largeBase(dockerfile, costs, options.largeBase ?? 200_000_000),
  ];
  const others = guessed
    .filter(({ rule }) => !measured.has(rule))
    .map((finding) => withInstalled(finding, costs));
  return [...judged(dockerfile, options, drafts), ...others].sort(
    (a, b) => (b.bytesLost ?? 0) - (a.bytesLost ?? 0) || a.span.start.line - b.span.start.line,
  );
}

/** What an order that defeats the cache costs: all that is installed comes anew with each change. */
function withInstalled(finding: LintFinding, costs: readonly LineCost[]): LintFinding {
  if (finding.rule !== "CopyBeforeInstall") return finding;
  const cost = costs.find(({ line }) => line === finding.span.start.line);
  return cost === undefined ? finding : { ...finding, bytesLost: cost.added.bytes };
}
