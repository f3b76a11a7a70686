/** Books of the default mode: a stack of layers that grows, a cache that knows steps by what goes into them, one image. */
import { addLayer } from "../image/index.ts";
import {
  chainId,
  digestOf,
  formatPlatform,
  hexOf,
  parseImageConfig,
  type Digest,
  type HistoryRow,
  type ImageConfig,
  type ImageId,
} from "../oci/index.ts";
import {
  encodeConfig,
  openBuildCache,
  type BuildCache,
  type CacheRecord,
  type Store,
  type StoredImage,
} from "../store/index.ts";
import { timeNow, type Applied, type Books, type BuildRun, type StageRun } from "./build_run.ts";
import { inlineCache, inlineMember, stepKey } from "./cache/index.ts";
import { buildkitComment, buildkitText } from "./classic/index.ts";
import { makeLayer } from "./make_layer.ts";
import type { StageState } from "./stage_state.ts";
import type { Content, Step, Work } from "./step.ts";
import type { StepMemory } from "./step_memory.ts";
import type { BuildOptions, CacheOutcome } from "./types.ts";

interface Found {
  readonly record: CacheRecord;
  readonly outcome: CacheOutcome;
}

export class GraphBooks implements Books {
  readonly #cache: BuildCache;
  readonly #memory: StepMemory;
  /** Steps that are being done: two stages may want the same. */
  readonly #running = new Map<Digest, Promise<Found>>();
  /** What each step came to, by the first key that it has: the same whether it was done or found. */
  readonly #done = new Map<Digest, CacheRecord>();

  constructor(store: Store, memory: StepMemory) {
    this.#cache = openBuildCache(store);
    this.#memory = memory;
  }

  async apply(run: StageRun, state: StageState, step: Step): Promise<Applied> {
    const { work } = step;
    if (work === undefined) return { state: advance(run.build, state, step, undefined), record: {} };
    const { record, outcome } = await this.#layer(run, state, step, work);
    const { layer } = record;
    return {
      state: advance(run.build, state, step, record),
      record: { ...(layer !== undefined && { layer }), cache: outcome },
    };
  }

  async finish(build: BuildRun, { image, config, diffIds }: StageState): Promise<StoredImage> {
    const { store } = build.services;
    const { labels = {} } = build.options;
    const inline =
      build.options.inlineCache === true
        ? { [inlineMember]: await inlineCache(store, [...this.#done.values()], diffIds) }
        : {};
    const labelled = Object.keys(labels).length > 0 ? { Labels: { ...config.Labels, ...labels } } : {};
    const bytes = encodeConfig({
      ...withTimes(image, build.options),
      ...inline,
      config: { ...config, ...labelled },
      rootfs: diffIds.length > 0 ? { type: "layers", diff_ids: [...diffIds] } : { type: "layers" },
    });
    const id = digestOf(bytes) as ImageId;
    if (build.options.keepImage === false) return { id, bytes, config: parseImageConfig(bytes) };
    // One that is here already is not this session's to take back.
    if ((await store.images.get(id)) === undefined) await build.session.claim(`image:${id}`);
    await store.images.put(bytes);
    return (await store.images.get(id)) as StoredImage;
  }

  /** From the cache by what is known at once, else by the contents too, else made. */
  async #layer(run: StageRun, state: StageState, step: Step, work: Work): Promise<Found> {
    const parts = keyParts(run, state, work);
    const quick = work.contentHint === undefined ? undefined : stepKey({ ...parts, hint: work.contentHint });
    const known =
      quick === undefined || !work.useCache ? undefined : await this.#find(run.build, state, quick, work);
    if (known !== undefined) {
      this.#memory.note(step, { below: parts.below, inputs: work.inputs });
      return this.#note(quick, known);
    }
    const content = await work.content?.();
    const key = stepKey({ ...parts, content: content?.digest ?? null });
    const done = await this.#once(key, () => this.#findOrMake(run, state, step, work, key));
    if (quick !== undefined) await this.#cache.put({ ...done.record, key: quick });
    const outcome = this.#explained(step, work, parts.below, content, done.outcome);
    return this.#note(quick ?? key, { ...done, outcome });
  }

  #note(key: Digest | undefined, found: Found): Found {
    if (key !== undefined) this.#done.set(key, { ...found.record, key });
    return found;
  }

  #explained(
    step: Step,
    work: Work,
    below: string,
    content: Content | undefined,
    outcome: CacheOutcome,
  ): CacheOutcome {
    const parts = { below, inputs: work.inputs, ...(content && { content }) };
    if (!outcome.hit && work.useCache) return { hit: false, reason: this.#memory.explain(step, parts) };
    this.#memory.note(step, parts);
    return outcome;
  }

  async #once(key: Digest, work: () => Promise<Found>): Promise<Found> {
    const running = this.#running.get(key) ?? work();
    this.#running.set(key, running);
    return running;
  }

  async #findOrMake(run: StageRun, state: StageState, step: Step, work: Work, key: Digest): Promise<Found> {
    if (!work.useCache) return this.#make(run, state, step, work, key);
    const { services, signal } = run.build;
    const find = (): Promise<Found | undefined> => this.#find(run.build, state, key, work);
    // Another process that is doing the same step is waited for: two layers of it would tear what follows apart.
    const findOrMake = async (): Promise<Found> =>
      (await find()) ?? (await this.#make(run, state, step, work, key));
    return (await find()) ?? services.store.withLock(lockOf(key), findOrMake, signal);
  }

  async #make(run: StageRun, state: StageState, step: Step, work: Work, key: Digest): Promise<Found> {
    const made = await makeLayer(run.build, state, work);
    const top = made?.chainId ?? state.top;
    const record: CacheRecord = {
      key,
      ...(made !== undefined && {
        layer: { diffId: made.diffId, chainId: made.chainId, size: made.size },
      }),
      ...(top !== undefined && { top }),
      description: step.instruction.text,
      created: timeNow(run.build.options),
      kind: work.kind,
    };
    await this.#cache.put(record);
    return { record, outcome: { hit: false, reason: "--no-cache" } };
  }

  async #find(build: BuildRun, state: StageState, key: Digest, work: Work): Promise<Found | undefined> {
    const { session, signal, options } = build;
    const local = await this.#cache.get(key, session);
    const record = local ?? (await options.imported?.take(key, session, signal));
    if (record === undefined) return undefined;
    const outcome: CacheOutcome = { hit: true, from: local === undefined ? "imported" : "local" };
    return { record: work.independent ? await restacked(build, state, record) : record, outcome };
  }
}

const lockOf = (key: Digest): string => `build-step-${hexOf(key)}`;

function keyParts({ build, planned }: StageRun, state: StageState, work: Work) {
  return {
    kind: work.kind,
    below: work.independent ? "" : (state.top ?? ""),
    inputs: work.inputs,
    platform: formatPlatform(planned.platform),
    epoch: build.options.sourceDateEpoch ?? null,
  };
}

/** A layer that does not depend on those below, found on others: the same tar on ours. */
async function restacked(build: BuildRun, { top }: StageState, record: CacheRecord): Promise<CacheRecord> {
  const { layer } = record;
  if (layer === undefined) return record;
  const wanted = chainId(top, layer.diffId);
  if (wanted === layer.chainId) return record;
  const { store } = build.services;
  const { signal, session } = build;
  await session.claim(wanted);
  const there =
    (await store.layers.get(wanted)) ??
    (await addLayer(store, session, top, await store.layers.openTar(layer.chainId, { signal }), signal));
  return { ...record, top: wanted, layer: { ...layer, chainId: wanted, size: there.size } };
}

/** The state after the step, with its row of history. */
function advance(
  build: BuildRun,
  state: StageState,
  step: Step,
  record: CacheRecord | undefined,
): StageState {
  const layer = record?.layer;
  const { stored, ...kept } = state;
  void stored;
  const { image } = state;
  const created = timeOfRow(build.options, image, record);
  const { expanded } = step;
  const text = buildkitText(expanded, { ...step.facts, config: step.config });
  const row: HistoryRow = {
    ...(created !== undefined && { created }),
    ...(text !== undefined && { created_by: text }),
    comment: buildkitComment,
    ...(layer === undefined && { empty_layer: true }),
  };
  return {
    ...kept,
    image: {
      ...image,
      ...(created !== undefined && { created }),
      ...(expanded.kind === "maintainer" && { author: expanded.author }),
      history: text === undefined ? (image.history ?? []) : [...(image.history ?? []), row],
    },
    config: step.config,
    ...(layer !== undefined && {
      diffIds: [...state.diffIds, layer.diffId],
      top: chainId(state.top, layer.diffId),
    }),
  };
}

/**
 * A row without a layer has the time of the layer below, so that a build from the cache gives the same image. Undefined:
 * there is none below.
 */
function timeOfRow(
  options: BuildOptions,
  image: ImageConfig,
  record: CacheRecord | undefined,
): string | undefined {
  if (options.sourceDateEpoch !== undefined) return timeNow(options);
  return record?.layer === undefined ? image.created : record.created;
}

/** Rows before the first layer have its time. */
function withTimes(image: ImageConfig, options: BuildOptions): ImageConfig {
  const rows = image.history ?? [];
  const first = rows.find(({ created }) => created !== undefined)?.created ?? timeNow(options);
  return {
    ...image,
    created: image.created ?? first,
    history: rows.map(({ created, ...row }) => ({ created: created ?? first, ...row })),
  };
}
