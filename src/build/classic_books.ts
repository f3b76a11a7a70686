/** Books of Docker's old builder: an image for each step, which is found again by its parent and its container's config. */
import { randomBytes } from "node:crypto";
import { chainIds } from "../oci/index.ts";
import { encodeConfig, type Store, type StoredImage } from "../store/index.ts";
import { timeNow, type Applied, type Books, type BuildRun, type StageRun } from "./build_run.ts";
import {
  checkClassic,
  ClassicCache,
  classicImage,
  classicProbe,
  classicWords,
  HistoryCache,
  replacedHealthcheckText,
  type ClassicStep,
} from "./classic/index.ts";
import { Failure } from "../errors.ts";
import { makeLayer } from "./make_layer.ts";
import { beginStage, type StageState } from "./stage_state.ts";
import type { Step } from "./step.ts";

export class ClassicBooks implements Books {
  readonly #cache: ClassicCache;
  readonly #named: HistoryCache | undefined;
  readonly #builder: string;

  /**
   * @param builder what images say they were made by: `docker_version`
   * @param sources images to which the cache is confined
   */
  constructor(store: Store, builder: string, sources?: readonly StoredImage[]) {
    this.#cache = new ClassicCache(store);
    this.#named = sources && new HistoryCache(store.images, this.#cache, sources);
    this.#builder = builder;
  }

  async apply(run: StageRun, state: StageState, step: Step): Promise<Applied> {
    const { instruction } = step;
    if (instruction.kind === "run" || instruction.kind === "copy" || instruction.kind === "add")
      checkClassic(instruction);
    const note = instruction.kind === "healthcheck" ? replacedHealthcheckText(state.config) : undefined;
    if (note !== undefined) {
      run.build.emit({ kind: "output", id: step.id, stream: "stdout", chunk: Buffer.from(note) });
    }
    const made = await classicStep(state, step);
    const cached = run.useCache ? await this.#find(made) : undefined;
    const image = cached ?? (await this.#make(run, state, step, made));
    const after = stateOf(run, state, step, image);
    const grew = after.diffIds.length > state.diffIds.length;
    const layer = grew ? await layerOf(run.build, after) : undefined;
    return {
      state: after,
      record: {
        image: image.id,
        ...(layer !== undefined && { layer }),
        cache:
          cached === undefined ? { hit: false, reason: this.#missReason(run) } : { hit: true, from: "local" },
      },
    };
  }

  async finish(_build: BuildRun, { stored }: StageState): Promise<StoredImage> {
    if (stored === undefined)
      throw new Failure("invalid", "No image was generated. Is your Dockerfile empty?");
    return stored;
  }

  #find(made: ClassicStep): Promise<StoredImage | undefined> {
    return this.#named?.find(made) ?? this.#cache.find(made.parent?.id, classicProbe(made));
  }

  #missReason({ useCache }: StageRun): string {
    if (!useCache) return "--no-cache";
    if (this.#named !== undefined) return "no image of --cache-from has this step";
    return "no image was made of its parent by this step";
  }

  async #make(run: StageRun, state: StageState, step: Step, made: ClassicStep): Promise<StoredImage> {
    const { build, planned } = run;
    const { store } = build.services;
    const { work } = step;
    const isCopy = work?.kind === "copy" || work?.kind === "add";
    const container = isCopy ? undefined : (work?.container ?? randomBytes(32).toString("hex"));
    if (container !== undefined && work?.kind !== "run") {
      build.emit({ kind: "container", id: step.id, container, what: "running" });
    }
    const layer = work === undefined ? undefined : await makeLayer(build, state, work);
    if (container !== undefined && work?.kind !== "run") {
      build.emit({ kind: "container", id: step.id, container, what: "removed" });
    }
    const { author } = authored(state, step);
    const config = classicImage(made, {
      ...(container !== undefined && { container }),
      ...(layer !== undefined && { diffId: layer.diffId }),
      ...(author !== undefined && { author }),
      created: timeNow(build.options),
      architecture: planned.platform.architecture,
      os: planned.platform.os,
      dockerVersion: this.#builder,
    });
    // Not claimed: what steps have made stays in the cache, whatever becomes of the build.
    const parent = made.parent === undefined ? {} : { parent: made.parent.id };
    const id = await store.images.put(encodeConfig(config), parent);
    const stored = (await store.images.get(id)) as StoredImage;
    await this.#cache.add(stored);
    return stored;
  }
}

async function classicStep(state: StageState, { expanded, config, facts, work }: Step): Promise<ClassicStep> {
  const content = await work?.contentWord?.();
  const words = classicWords(expanded, {
    ...facts,
    config,
    ...(content !== undefined && { content }),
  });
  return { kind: expanded.kind, parent: state.stored, config, words };
}

function stateOf(run: StageRun, state: StageState, step: Step, image: StoredImage): StageState {
  return {
    ...beginStage(image, run.planned.platform),
    config: step.config,
    baseLayers: state.baseLayers,
    ...authored(state, step),
  };
}

function authored(state: StageState, { expanded }: Step): Pick<StageState, "author"> {
  if (expanded.kind === "maintainer") return { author: expanded.author };
  return state.author === undefined ? {} : { author: state.author };
}

async function layerOf({ services }: BuildRun, { diffIds }: StageState) {
  const found = await services.store.layers.get(chainIds(diffIds).at(-1) as NonNullable<StageState["top"]>);
  if (found === undefined) return undefined;
  const { diffId, chainId, size } = found;
  return { diffId, chainId, size };
}
