/**
 * The image of one step of Docker's old builder (moby 20.10: builder/dockerfile/internals.go, image/image.go
 * `NewChildImage`, daemon/commit.go `merge`).
 */
import { posix } from "node:path";
import type { Instruction } from "../../dockerfile/index.ts";
import {
  goContainerConfig,
  type ContainerConfig,
  type DiffId,
  type HistoryRow,
  type ImageConfig,
} from "../../oci/index.ts";
import type { StoredImage } from "../../store/index.ts";
import { healthcheckOf, type Healthcheck } from "./history_facts.ts";

export interface ClassicStep {
  readonly kind: Instruction["kind"];
  /** The image of the step before, or of the base; undefined: `FROM scratch`. */
  readonly parent: StoredImage | undefined;
  /** The stage's config after the step. */
  readonly config: ContainerConfig;
  /** From `classicWords`. */
  readonly words: readonly string[];
}

export interface ClassicResult {
  /** 64 hex digits. Steps that change the config alone have had one as well; copies had none. */
  readonly container?: string;
  /** The layer that was made; undefined: nothing was changed. */
  readonly diffId?: DiffId | undefined;
  /** Of this stage's `MAINTAINER`; not the base's. */
  readonly author?: string | undefined;
  /** RFC 3339. */
  readonly created: string;
  /** For an image on nothing; others have their parent's. */
  readonly architecture: string;
  readonly os: string;
  readonly dockerVersion: string;
}

/** What the cache is asked for: `ClassicCache.find`. */
export function classicProbe({ kind, parent, config, words }: ClassicStep): ContainerConfig {
  return goContainerConfig({
    ...runConfig(kind, parent, config),
    Cmd: [...words],
    // A command of a RUN is run without the image's entrypoint.
    ...(kind === "run" && { Entrypoint: null, ArgsEscaped: false }),
  });
}

/** The image's config, for `encodeConfig`; to be stored with the parent's ID beside it. */
export function classicImage(step: ClassicStep, result: ClassicResult): ImageConfig {
  const { parent } = step;
  const { created, author, container, diffId } = result;
  const below = parent?.config;
  const row: HistoryRow = {
    created,
    ...(author !== undefined && author !== "" && { author }),
    created_by: step.words.join(" "),
    ...(diffId === undefined && { empty_layer: true }),
  };
  const diffIds = [...(below?.rootfs.diff_ids ?? []), ...(diffId === undefined ? [] : [diffId])];
  return {
    ...platformOf(below, result),
    ...(author !== undefined && author !== "" && { author }),
    config: goContainerConfig(runConfig(step.kind, parent, step.config)),
    ...(container !== undefined && { container }),
    container_config: containerConfig(step, container),
    created,
    ...(result.dockerVersion !== "" && { docker_version: result.dockerVersion }),
    history: [...(below?.history ?? []), row],
    rootfs: diffIds.length > 0 ? { type: "layers", diff_ids: diffIds } : { type: "layers" },
  };
}

function platformOf(
  below: ImageConfig | undefined,
  { architecture, os }: ClassicResult,
): Pick<ImageConfig, "architecture" | "os"> & Partial<ImageConfig> {
  const { variant, "os.version": version, "os.features": features } = below ?? {};
  return {
    architecture:
      below?.architecture === undefined || below.architecture === "" ? architecture : below.architecture,
    os: below?.os === undefined || below.os === "" ? os : below.os,
    ...(variant !== undefined && variant !== "" && { variant }),
    ...(version !== undefined && version !== "" && { "os.version": version }),
    ...(features !== undefined && features.length > 0 && { "os.features": features }),
  };
}

function runConfig(
  kind: Instruction["kind"],
  parent: StoredImage | undefined,
  config: ContainerConfig,
): ContainerConfig {
  const before = parent?.config.config ?? {};
  const setsCommand = kind === "cmd" || kind === "entrypoint";
  const emptied = kind === "entrypoint" && config.Entrypoint?.length === 0;
  const check = mergedHealthcheck(healthcheckOf(config), healthcheckOf(before));
  return {
    ...config,
    ...(emptied && { Entrypoint: null }),
    ...(check !== undefined && { Healthcheck: check }),
    ArgsEscaped: setsCommand ? false : (before.ArgsEscaped ?? false),
    Image: parent?.id ?? "",
    OpenStdin: false,
    StdinOnce: false,
  };
}

/**
 * Docker creates the container of a step with the very object that the stage goes on with, and creating fills up what
 * the new check leaves open from the image's.
 */
function mergedHealthcheck(
  own: Healthcheck | undefined,
  inherited: Healthcheck | undefined,
): Healthcheck | undefined {
  if (own === undefined || inherited === undefined) return own ?? inherited;
  const merged = { ...inherited, ...withoutZeros(own) };
  return (own.Test?.length ?? 0) > 0 ? { ...merged, Test: own.Test as readonly string[] } : merged;
}

function withoutZeros(check: Healthcheck): Healthcheck {
  return Object.fromEntries(Object.entries(check).filter(([, value]) => value !== undefined && value !== 0));
}

/**
 * What creating the container has added to the probe: its name for itself, labels that are there but empty, and the
 * parent's entrypoint where the stage has none. So Docker never finds an `ENTRYPOINT []` again that took one away.
 */
function containerConfig(step: ClassicStep, container: string | undefined): ContainerConfig {
  const probe = classicProbe(step);
  // Of a RUN the probe is recorded, not what the container had; a copy has no container.
  if (container === undefined || step.kind === "run") return probe;
  const Hostname =
    probe.Hostname === undefined || probe.Hostname === "" ? container.slice(0, 12) : probe.Hostname;
  const WorkingDir = cleaned(probe.WorkingDir ?? "");
  if (step.parent === undefined) return goContainerConfig({ ...probe, Hostname, WorkingDir });
  const Entrypoint = probe.Entrypoint ?? step.parent.config.config?.Entrypoint ?? null;
  return goContainerConfig({ ...probe, Hostname, WorkingDir, Entrypoint, Labels: probe.Labels ?? {} });
}

/** Creating a container cleans the path. */
function cleaned(path: string): string {
  const plain = posix.normalize(path);
  return path === "" ? "" : plain.replace(/(.)\/$/, "$1");
}
