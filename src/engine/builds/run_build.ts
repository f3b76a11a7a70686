/** `build`: from the command line's record to an image and what is to become of it. */
import { realpathSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import {
  buildImage,
  type BuildEvent,
  type BuildOptions,
  type BuildResult,
  type BuildServices,
} from "../../build/index.ts";
import { parseDockerfile } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";
import {
  familiarReference,
  hostPlatform,
  parseReference,
  withDefaultTag,
  type Platform,
  type Reference,
} from "../../oci/index.ts";
import { openBuildCache, resolveImage, withSession, type Store } from "../../store/index.ts";
import { askedServices } from "./asked_services.ts";
import { exportCacheOf, importCaches } from "./cache_transfer.ts";
import { ContextMemories } from "./context/context_memory.ts";
import { openNamedContexts } from "./context/named_contexts.ts";
import { openContext } from "./context/open_context.ts";
import type { ClientFiles, ContextPlace, OpenedContext } from "./context/types.ts";
import { epochOf } from "./epoch.ts";
import { openShell } from "./open_shell.ts";
import {
  checkOutputs,
  namesWanted,
  writeOutputs,
  type EngineParts,
  type OutputParts,
} from "./outputs/write_outputs.ts";
import { buildServices, type BaseImages } from "./services.ts";
import { createStepRunner } from "./runner.ts";
import { dockerVersion } from "../version.ts";
import { squashResult } from "./squash_result.ts";
import type { StepNetworking } from "./step_networking.ts";
import type { BuildOutcome, BuildRequest } from "./types.ts";

export interface BuilderParts extends EngineParts {
  /** Undefined: steps have the host's network. */
  readonly stepNetworking: StepNetworking | undefined;
}

/** See `Builds.build`. */
export async function runBuild(parts: BuilderParts, asked: BuildRequest): Promise<BuildOutcome> {
  const request = { ...asked, ...epochOf(asked) };
  const tags = (request.tags ?? []).map((tag) => withDefaultTag(parseReference(tag)));
  const digested = tags.find(({ digest }) => digest !== undefined);
  if (digested !== undefined)
    throw new Failure("invalid", "refusing to create a tag with a digest reference");
  const names = namesWanted(tags, request.outputs ?? []);
  checkOutputs(request, names);
  // Not to be found as that of this build, if this one fails.
  if (request.iidFile !== undefined) await rm(request.iidFile, { force: true });
  return withSession(parts.store, async (session) => {
    const build = new Build({ ...parts, session }, request, names);
    try {
      await using context = await build.open();
      return await build.run(context);
    } finally {
      await build.memories.save();
    }
  });
}

type Engineless = Pick<BuildOptions, "dockerfile" | "context" | "platform">;

class Build {
  readonly memories: ContextMemories;
  readonly #parts: OutputParts;
  readonly #request: BuildRequest;
  readonly #names: readonly Reference[];
  readonly #services: BuildServices;

  constructor(parts: OutputParts & BuilderParts, request: BuildRequest, names: readonly Reference[]) {
    this.#parts = parts;
    this.#request = request;
    this.#names = names;
    this.memories = new ContextMemories(parts.store, parts.session);
    const services = buildServices(
      parts.store,
      request.onPulled === undefined ? parts.images : telling(parts.images, request.onPulled),
      createStepRunner(parts.store, {
        pace: request.outputPace,
        limits: request.stepLimits,
        networking: parts.stepNetworking,
      }),
      parts.session,
    );
    const { onSource } = request;
    this.#services = onSource === undefined ? services : askedServices(services, onSource);
  }

  open(): Promise<OpenedContext | ClientFiles> {
    const { context, file, stdin = nothing(), signal } = this.#request;
    const temporaryDirectory = this.#parts.session.directory;
    if (typeof context !== "string") return context.open(this.#place());
    return openContext(context, {
      stdin,
      temporaryDirectory,
      fetchUrl: (url) => this.#services.fetchUrl(url, { signal }),
      signal,
      ...(file !== undefined && { dockerfile: file }),
      ...(isDirectory(context) && { memory: this.memories.ofDirectory(realpathSync(context)) }),
    });
  }

  #place(): ContextPlace {
    return {
      temporaryDirectory: this.#parts.session.directory,
      memoryOf: (name) => this.memories.ofClient(name),
      signal: this.#request.signal,
    };
  }

  async run({
    dockerfile: { name, bytes },
    files,
    ignore,
  }: OpenedContext | ClientFiles): Promise<BuildOutcome> {
    const dockerfile = parseDockerfile(bytes, { name });
    const { platforms = [] } = this.#request;
    const results: BuildResult[] = [];
    for (const platform of platforms.length === 0 ? [hostPlatform()] : platforms) {
      const result = await this.#build({ dockerfile, platform, ...(files && { context: files }) });
      const { image } = result;
      const isOneOfMany = platforms.length > 1;
      await writeOutputs(this.#parts, this.#request, { image, platform, isOneOfMany, names: this.#names });
      results.push(result);
    }
    const [first] = results as [BuildResult, ...BuildResult[]];
    const images = results.map(({ image }) => image);
    return { ...first, dockerfile, ...(ignore && { ignore }), names: this.#names, images };
  }

  async #build(given: Engineless & { readonly platform: Platform }): Promise<BuildResult> {
    const { store, remote } = this.#parts;
    const { signal, report, onWarning = () => undefined, ...request } = this.#request;
    await using open = new AsyncDisposableStack();
    const transfer = { signal, onWarning, ...(report && { report }) };
    const contexts = await openNamedContexts(request.buildContexts ?? new Map(), open, {
      store,
      fetchUrl: (url) => this.#services.fetchUrl(url, { signal }),
      ...this.#place(),
    });
    const target = request.target === undefined ? {} : { target: request.target };
    const imported = await importCaches(store, remote, request.cacheFrom ?? [], transfer);
    const result = await this.#squashed({
      ...passedOn(this.#request),
      ...this.#onFailure(),
      ...given,
      dockerVersion,
      series: { context: nameOf(request.context), dockerfile: request.file ?? "", ...target },
      contexts,
      ...(imported && { imported }),
      ...(await cacheImagesOf(store, request.cacheImages ?? [])),
      inlineCache: (request.cacheTo ?? []).some(({ place }) => place.type === "inline"),
    });
    for (const to of request.cacheTo ?? []) await exportCacheOf(store, remote, result, to, transfer);
    // What was found in the cache has made it no larger.
    if (result.steps.some(({ cache }) => cache?.hit === false)) await openBuildCache(store).bound();
    return result;
  }

  #onFailure(): Pick<BuildOptions, "onFailedRun"> {
    const { onError, onShell = () => undefined } = this.#request;
    if (onError !== "shell") return {};
    return { onFailedRun: (step) => openShell(this.#services.runner, step, onShell) };
  }

  /** Builds, and merges layers where that is asked for; it is the squashed image that is named and told of. */
  async #squashed(options: BuildOptions): Promise<BuildResult> {
    const { squash, onEvent = () => undefined } = this.#request;
    if (squash === undefined) return buildImage(this.#services, { ...options, names: this.#names, onEvent });
    const held: BuildEvent[] = [];
    const result = await buildImage(this.#services, {
      ...options,
      onEvent: (event) => (event.kind === "done" ? void held.push(event) : onEvent(event)),
    });
    const image = await squashResult(this.#parts.store, result, {
      squash,
      names: this.#names,
      signal: options.signal,
      ...(options.sourceDateEpoch !== undefined && { sourceDateEpoch: options.sourceDateEpoch }),
    });
    const names = this.#names.map(familiarReference);
    for (const event of held) onEvent(event.kind === "done" ? { ...event, image: image.id, names } : event);
    return { ...result, image };
  }
}

function telling(images: BaseImages, onPulled: NonNullable<BuildRequest["onPulled"]>): BaseImages {
  return {
    resolve: (name) => images.resolve(name),
    pull: async (name, options) => {
      const pulled = await images.pull(name, options);
      onPulled(pulled);
      return pulled;
    },
  };
}

function nameOf(context: BuildRequest["context"]): string {
  return typeof context === "string" ? resolve(context) : context.name;
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

async function cacheImagesOf(
  store: Store,
  names: readonly string[],
): Promise<Pick<BuildOptions, "cacheImages">> {
  if (names.length === 0) return {};
  const found = await Promise.all(names.map((name) => resolveImage(store, name).catch(() => undefined)));
  return { cacheImages: found.filter((image) => image !== undefined) };
}

function passedOn(request: BuildRequest): Omit<BuildOptions, "dockerfile"> {
  const { target, buildArgs, labels, noCache, pull, network, addHosts, allow, secrets, ssh, mode } = request;
  const { keepImage, sourceDateEpoch, signal } = request;
  return {
    signal,
    ...(target !== undefined && { target }),
    ...(buildArgs && { buildArgs }),
    ...(labels && { labels }),
    ...(noCache !== undefined && { noCache }),
    ...(pull !== undefined && { pull }),
    ...(network && { network }),
    ...(addHosts && { addHosts }),
    ...(allow && { allow }),
    ...(secrets && { secrets }),
    ...(ssh && { ssh }),
    ...(keepImage !== undefined && { keepImage }),
    ...(mode && { mode }),
    ...(sourceDateEpoch !== undefined && { sourceDateEpoch }),
  };
}
