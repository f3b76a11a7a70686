/** `system check --repair`: damaged layers are fetched again, each alone. */
import { Failure, isFailure } from "../../errors.ts";
import {
  chainIds,
  familiarReference,
  parseReference,
  type ChainId,
  type Reference,
} from "../../oci/index.ts";
import type { Remote } from "../../remote/index.ts";
import { cachedSource, repairLayer, type LayerSource, type Problem, type Store } from "../../store/index.ts";

export interface RepairedLayer {
  readonly chainId: ChainId;
  /** Where its bytes came from. */
  readonly source: string;
}

export interface Repair {
  readonly repaired: readonly RepairedLayer[];
  /** What is still wrong. */
  readonly problems: readonly Problem[];
}

/** Repairs what of `problems` is a damaged layer, from the blob cache or from where an image with it came from. */
export async function repairLayers(
  store: Store,
  remote: () => Promise<Remote>,
  problems: readonly Problem[],
  signal: AbortSignal,
): Promise<Repair> {
  const repaired: RepairedLayer[] = [];
  const left: Problem[] = [];
  for (const problem of problems) {
    const { layer } = problem;
    const failures: Failure[] = [];
    const source =
      layer && (await tryAll(store, layer, sourcesOf(store, remote, layer, signal), failures, signal));
    if (layer === undefined || source === undefined) left.push(withReasons(problem, failures));
    else repaired.push({ chainId: layer, source });
  }
  return { repaired, problems: left };
}

/** The name of the source that had the right bytes. */
async function tryAll(
  store: Store,
  chainId: ChainId,
  sources: AsyncIterable<LayerSource>,
  failures: Failure[],
  signal: AbortSignal,
): Promise<string | undefined> {
  for await (const source of sources) {
    try {
      await repairLayer(store, chainId, source, signal);
      return source.name;
    } catch (error) {
      if (!isFailure(error) || error.kind === "cancelled" || error.kind === "no-space") throw error;
      failures.push(error);
    }
  }
  return undefined;
}

/** The nearest first: the cache, then the registries of the images that have the layer. */
async function* sourcesOf(
  store: Store,
  remote: () => Promise<Remote>,
  chainId: ChainId,
  signal: AbortSignal,
): AsyncGenerator<LayerSource> {
  const cached = await cachedSource(store, chainId);
  if (cached !== undefined) yield cached;
  for (const [name, id] of await store.names.all()) {
    const index = chainIds((await store.images.get(id))?.config.rootfs.diff_ids ?? []).indexOf(chainId);
    if (index < 0) continue;
    const reference = parseReference(name);
    yield { name, open: () => openLayer(remote, reference, index, signal) };
  }
}

async function openLayer(
  remote: () => Promise<Remote>,
  reference: Reference,
  index: number,
  signal: AbortSignal,
) {
  const image = await (await remote()).resolve(reference, { signal });
  const layer = image.layers[index];
  if (layer === undefined)
    throw new Failure("not-found", `${familiarReference(reference)} has no layer ${index} any more`);
  return layer.openBlob({ signal });
}

function withReasons(problem: Problem, failures: readonly Failure[]): Problem {
  const reasons = failures.map(({ message }) => `; not repaired: ${message}`);
  return { ...problem, message: problem.message + reasons.join("") };
}
