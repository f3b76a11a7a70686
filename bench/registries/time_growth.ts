/** How the answers slow down, and the memory grows, with the number of repositories. */
import { join } from "node:path";
import { mediaTypes } from "../../src/oci/index.ts";
import { inTurn } from "../compare.ts";
import { expect } from "../images/publish.ts";
import { median } from "../measure/statistics.ts";
import { filledTag, fillTree, repositoryName } from "./fill_tree.ts";
import { startServer, type RegistryKind } from "./registry_server.ts";

/** Of one server on a tree of one size. Times are medians in milliseconds. */
export interface GrowthTimes {
  readonly start: number;
  readonly catalog: number;
  readonly "catalog, from the middle": number;
  readonly tags: number;
  readonly manifest: number;
  /** Bytes: the most since its start. */
  readonly resident: number;
  readonly anonymous: number;
}

export interface GrowthOptions {
  readonly kinds: readonly RegistryKind[];
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly work: string;
  readonly signal: AbortSignal;
}

/** By number of repositories and server, of each round. */
export type Growth = Readonly<Record<number, Readonly<Record<string, readonly GrowthTimes[]>>>>;

/** Of each question: a server that stays answers with code that is warm. */
const repeats = 21;

export async function timeGrowth(options: GrowthOptions): Promise<Growth> {
  const { kinds, sizes, rounds, work } = options;
  const root = join(work, "grown");
  const growth: Record<number, Record<string, GrowthTimes[]>> = {};
  let filled = 0;
  for (const size of sizes) {
    await fillTree(root, filled, size);
    filled = size;
    for (let round = 0; round < rounds; round++) {
      for (const kind of inTurn(kinds, round)) {
        const times = await timeOnce(kind, root, size, options);
        ((growth[size] ??= {})[kind.name] ??= []).push(times);
      }
    }
  }
  return growth;
}

async function timeOnce(
  kind: RegistryKind,
  root: string,
  size: number,
  { work, signal }: GrowthOptions,
): Promise<GrowthTimes> {
  await using server = await startServer(kind, { root, work, signal });
  const middle = repositoryName(Math.floor(size / 2));
  const times = { catalog: NaN, "catalog, from the middle": NaN, tags: NaN, manifest: NaN };
  const ask = async (name: keyof typeof times, path: string) => {
    const took: number[] = [];
    for (let i = 0; i < repeats; i++) {
      const begun = performance.now();
      const headers = { Accept: mediaTypes.dockerManifest };
      await (await expect(await fetch(`${server.origin}/v2/${path}`, { headers, signal }))).arrayBuffer();
      took.push(performance.now() - begun);
    }
    times[name] = median(took);
  };
  const { resident, anonymous } = await server.measure(async () => {
    await ask("catalog", "_catalog?n=100");
    await ask("catalog, from the middle", `_catalog?n=100&last=${encodeURIComponent(middle)}`);
    await ask("tags", `${middle}/tags/list`);
    await ask("manifest", `${middle}/manifests/${filledTag}`);
  });
  return { start: server.startMilliseconds, ...times, resident, anonymous };
}
