/** One instruction in a test, on a tree and an image given as lists. */
import type { SourceTree } from "../source/types.ts";
import { branchOf, type Given, linesOf, type LinesOptions, treeOf, viewOf } from "./copy_fixture.ts";
import { planCopy } from "./plan_copy.ts";
import type { CopyPlan, CopyRequest, EntriesOptions } from "./types.ts";

export const { signal } = new AbortController();

export const plain: CopyRequest = {
  kind: "copy",
  sources: [],
  files: [],
  destination: "/",
  workingDir: "",
  exclude: [],
  parents: false,
  link: false,
};

/** `COPY ...sources destination`, without flags. */
export function requestOf(words: string, rest: Partial<CopyRequest> = {}): CopyRequest {
  const paths = words.split(" ");
  return { ...plain, sources: paths.slice(0, -1), destination: paths.at(-1) ?? "", ...rest };
}

export function planOf(request: CopyRequest, tree: readonly Given[] | SourceTree): Promise<CopyPlan> {
  const source = "stat" in tree ? tree : treeOf(branchOf(...tree));
  return planCopy(request, source, { signal });
}

export async function copied(
  request: CopyRequest,
  tree: readonly Given[] | SourceTree,
  image: readonly Given[] = [],
  options: Partial<EntriesOptions> & LinesOptions = {},
): Promise<string[]> {
  const plan = await planOf(request, tree);
  return linesOf(plan.entries(viewOf(...image), { time: 1_700_000_000, signal, ...options }), options);
}
