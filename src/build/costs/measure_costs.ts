/** What each line of the Dockerfile costs in the image that was built. */
import type { ByteString } from "../../byte_string.ts";
import { throwIfCancelled } from "../../bytes/index.ts";
import { layersOf } from "../../image/index.ts";
import type { Store, StoredLayer } from "../../store/index.ts";
import { runInSlices } from "../../sys/index.ts";
import type { BuildResult, StepRecord } from "../types.ts";
import { finalSteps } from "./final_steps.ts";
import { type LayerCost, LayerCostMeter } from "./layer_cost.ts";
import type { LayerItem } from "./layer_item.ts";
import { LowerTree } from "./lower_tree.ts";
import { openLayers } from "./opened_layers.ts";
import type { LineCost } from "./types.ts";

const nothing = { bytes: 0, files: 0 };

/**
 * One row for each step of the image's stages, in their order. Only layers that the build made are looked through, and
 * below them only what they touch; contents are read only of files that a layer has in place of one of the same size.
 * Throws `Failure("corrupt")` for a missing or damaged layer, `Failure("cancelled")`.
 */
export async function measureCosts(
  store: Store,
  { steps, image }: Pick<BuildResult, "steps" | "image">,
  { signal }: { readonly signal: AbortSignal },
): Promise<LineCost[]> {
  throwIfCancelled(signal);
  const layers = await layersOf(store, image);
  const chain = new Set<string>(layers.map(({ chainId }) => chainId));
  const records = finalSteps(steps, chain).map((record, _, all) => placed(record, all));
  const made = stepsByLayer(layers, records);
  const base = Math.min(layers.length, ...made.keys());
  const measured = await measure(store, layers, { base, made, signal });
  const baseBytes = layers.slice(0, base).reduce((sum, { size }) => sum + size, 0);
  return records.map((record, index) => {
    const cost = measured.get(record);
    return lineCost(record, cost ?? { added: { bytes: index === 0 ? baseBytes : 0, files: 0 } });
  });
}

/** What the base image's ONBUILD does stands in no line: it is its FROM's. */
function placed(record: StepRecord, all: readonly StepRecord[]): StepRecord {
  if (record.id.trigger === undefined) return record;
  const from = all.find(({ id }) => id.stage === record.id.stage);
  return { ...record, span: from?.span ?? record.span };
}

function lineCost(record: StepRecord, cost: Pick<LayerCost, "added"> & Partial<LayerCost>): LineCost {
  const { span, text, id, layer, cache } = record;
  const isMade = cost.hides !== undefined && layer !== undefined;
  return {
    line: span.start.line,
    span,
    text,
    stageName: id.stageName,
    ...(isMade && { diffId: layer.diffId }),
    copied: nothing,
    hidden: nothing,
    hides: [],
    caches: [],
    ...cost,
    ...(cache !== undefined && { cache }),
  };
}

/** Steps by the place of their layer in the image. A `FROM` makes none, whatever it records. */
function stepsByLayer(
  layers: readonly StoredLayer[],
  records: readonly StepRecord[],
): Map<number, StepRecord> {
  const places = new Map<string, number>(layers.map(({ chainId }, index) => [chainId, index]));
  const made = new Map<number, StepRecord>();
  for (const record of records) {
    const place = places.get(record.layer?.chainId ?? "");
    const isBase = record.id.step === 1 && record.id.trigger === undefined;
    if (place !== undefined && !isBase && !made.has(place)) made.set(place, record);
  }
  return made;
}

interface Measuring {
  readonly base: number;
  readonly made: ReadonlyMap<number, StepRecord>;
  readonly signal: AbortSignal;
}

async function measure(
  store: Store,
  layers: readonly StoredLayer[],
  { base, made, signal }: Measuring,
): Promise<Map<StepRecord, LayerCost>> {
  const costs = new Map<StepRecord, LayerCost>();
  if (made.size === 0) return costs;
  using opened = openLayers(store, layers, base);
  /** Where the trees do not tell which layer a file comes from. */
  const origins = new Map<ByteString, number>();
  const links = new Map<string, number>();
  for (const [place, record] of [...made].sort(([a], [b]) => a - b)) {
    // The next copy has inodes of its own, without the names that are gone.
    if (opened.isCopied) links.clear();
    const meter = new LayerCostMeter({
      below: new LowerTree(opened.below(place)),
      read: (path, offset, length) => opened.read(place, path, offset, length),
      lineOf: ({ path, layer }) => made.get(layer ?? origins.get(path) ?? -1)?.span.start.line,
      links,
    });
    await takeAll(opened.items(place, signal), signal, function* (item) {
      yield* meter.take(item);
      if (opened.isCopied && (item.kind === "file" || item.kind === "symlink")) origins.set(item.path, place);
    });
    costs.set(record, await runInSlices(meter.finish(), { signal }));
  }
  return costs;
}

async function takeAll(
  items: Iterable<LayerItem> | AsyncIterable<LayerItem>,
  signal: AbortSignal,
  take: (item: LayerItem) => Generator<void, void, void>,
): Promise<void> {
  if (Symbol.asyncIterator in items) {
    for await (const item of items) await runInSlices(take(item), { signal });
    return;
  }
  const steps = function* (): Generator<void, void, void> {
    for (const item of items) {
      yield* take(item);
      yield;
    }
  };
  await runInSlices(steps(), { signal });
}
