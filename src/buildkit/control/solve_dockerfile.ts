/** A build of a client's Dockerfile: what the frontend `dockerfile.v0` and an exporter are to BuildKit. */
import type { BuildOutcome, BuildRequest, Engine } from "../../engine/index.ts";
import type { ByteSource } from "../../bytes/index.ts";
import { isDockersRule } from "../../dockerfile/index.ts";
import { formatReference } from "../../oci/index.ts";
import { sessionCredentials } from "../auth/index.ts";
import type { BuildProgress } from "../progress/index.ts";
import { sessionSecrets } from "../secrets/index.ts";
import type { Session } from "../session/index.ts";
import { sessionAgents } from "../ssh/index.ts";
import { askForFiles, buildFiles } from "./build_files.ts";
import { cachesAsked, cachesOfAttributes, type CacheAsked } from "./caches_asked.ts";
import { dockerfileAttributes, type Attributes } from "./dockerfile_attributes.ts";
import type { FailedAt } from "./error_details.ts";
import { exportsAsked, type ExporterAsked, type Exports } from "./exporters.ts";
import { Exporting } from "./exporting.ts";
import { FailingStep } from "./failing_step.ts";

export interface DockerfileSolve {
  readonly attributes: Attributes;
  /** None: the result is only in the cache, and an image without a name. */
  readonly exporters: readonly ExporterAsked[];
  readonly cacheFrom?: readonly CacheAsked[];
  readonly cacheTo?: readonly CacheAsked[];
  readonly entitlements?: readonly string[];
  /** Of the client: has files, secrets and credentials. */
  readonly session?: Session | undefined;
  /** The context itself, where it comes with the call. */
  readonly body?: ByteSource;
  /** Contexts `input:NAME`: images (`docker-image://…`) and places on the network. */
  readonly inputs?: ReadonlyMap<string, string>;
  /** Asked before anything is taken from anywhere, the client included. */
  readonly onSource?: NonNullable<BuildRequest["onSource"]>;
}

export interface SolveSurroundings {
  readonly progress: BuildProgress;
  /** Holds commands up while the client has not taken their output. */
  readonly pace?: BuildRequest["outputPace"];
  /** Told of the instruction that has failed, where there is one, and before the failure is thrown. */
  readonly onFailure?: (at: FailedAt) => void;
  readonly signal: AbortSignal;
}

export interface Solved {
  readonly outcome: BuildOutcome;
  /** By BuildKit's keys (exporter/containerimage/exptypes): `containerimage.config.digest`. */
  readonly response: Readonly<Record<string, string>>;
}

/** @throws Failure in the words of Docker and BuildKit */
export async function solveDockerfile(
  engine: Engine,
  solve: DockerfileSolve,
  surroundings: SolveSurroundings,
): Promise<Solved> {
  const { attributes, session, body, inputs = new Map<string, string>() } = solve;
  const { progress, pace, signal } = surroundings;
  const exports = exportsAsked(solve.exporters, session, signal);
  const from = [...(solve.cacheFrom ?? []), ...cachesOfAttributes(attributes)];
  const { onSource } = solve;
  if (onSource !== undefined) await askForFiles(attributes, inputs, onSource);
  const warn = (text: string): void => progress.warn(text);
  const files = await buildFiles({ attributes, session, body, inputs, progress, signal });
  const failing = new FailingStep(files, surroundings.onFailure);
  const exporting = new Exporting(progress, exports);
  const { builds } = session ? await engine.withCredentials(sessionCredentials(session, signal)) : engine;
  try {
    const outcome = await builds.build({
      ...dockerfileAttributes(attributes),
      ...files,
      ...failing.context,
      ...cachesAsked(from, solve.cacheTo ?? [], warn),
      ...(session && { secrets: sessionSecrets(session, signal), ssh: sessionAgents(session, signal) }),
      allow: solve.entitlements ?? [],
      ...(onSource && { onSource }),
      outputs: exports.outputs,
      keepImage: keepsImage(exports),
      ...(exports.stdout && { stdout: exports.stdout }),
      ...(pace && { outputPace: pace }),
      onEvent: (event) => {
        progress.take(event);
        failing.take(event);
        if (event.kind === "done") exporting.begin(event);
      },
      onWarning: warn,
      signal,
    });
    exporting.end();
    await tellFindings(builds, outcome, surroundings);
    return { outcome, response: responseOf(outcome, exports) };
  } catch (error) {
    failing.fail(error);
    exporting.end(error);
    throw error;
  }
}

/** As in BuildKit, files alone leave no image behind. One that nobody exports may be another build's base. */
function keepsImage({ outputs }: Exports): boolean {
  return outputs.length === 0 || outputs.some(({ type }) => type !== "local" && type !== "tar");
}

/** What BuildKit's own checks find in the Dockerfile. */
async function tellFindings(
  builds: Engine["builds"],
  outcome: BuildOutcome,
  { progress, signal }: SolveSurroundings,
): Promise<void> {
  const { findings } = await builds.examine(outcome, { measure: false, signal });
  for (const { rule, message, why, span } of findings)
    if (isDockersRule(rule)) progress.warn(`${rule}: ${message} (line ${span.start.line})`, why);
}

/** As dockerd has it: there is no manifest of an image that was not pushed, its config stands for it. */
function responseOf({ image, names }: BuildOutcome, { outputs }: Exports): Record<string, string> {
  if (!outputs.some(({ type }) => type === "image" || type === "docker" || type === "oci")) return {};
  return {
    "containerimage.config.digest": image.id,
    "containerimage.digest": image.id,
    ...(names.length > 0 && { "image.name": names.map(formatReference).join(",") }),
  };
}
