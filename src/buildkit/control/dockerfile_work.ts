/** The work of a result: a Dockerfile of the client that has begun the build. */
import type { Engine } from "../../engine/index.ts";
import { isFailure } from "../../errors.ts";
import type { BuildUnderWay, Solving } from "./build_under_way.ts";
import type { BuildsUnderWay } from "./builds_under_way.ts";
import type { ControlParts } from "./control_service.ts";
import type { Attributes } from "./dockerfile_attributes.ts";
import { buildError, type FailedAt } from "./error_details.ts";
import type { Input } from "./result_definition.ts";
import { sourcePolicy } from "./source_policy.ts";
import { solveDockerfile } from "./solve_dockerfile.ts";

export interface DockerfileAsked {
  readonly attributes: Attributes;
  /** By name: results of other builds, and what lies elsewhere. */
  readonly inputs: ReadonlyMap<string, Input>;
}

/** What it throws clients print as it is. */
export function dockerfileWork(
  { daemon, sessions, builds }: ControlParts,
  build: BuildUnderWay,
  { attributes, inputs }: DockerfileAsked,
): Solving {
  const { session: id, exporters, exporter, exporterAttributes, cache, entitlements } = build.request;
  const { sourcePolicySession } = build.request;
  const old = exporter === "" ? [] : [{ type: exporter, attributes: exporterAttributes }];
  return async (surroundings) => {
    let failedAt: FailedAt | undefined;
    try {
      const session = id === "" ? undefined : await sessions.get(id, surroundings.signal);
      const { signal } = surroundings;
      const onSource =
        sourcePolicySession === ""
          ? undefined
          : sourcePolicy(await sessions.get(sourcePolicySession, signal), signal);
      const specs = new Map<string, string>();
      for (const [name, input] of inputs) specs.set(name, await specOf(daemon.engine, builds, input));
      return await solveDockerfile(
        daemon.engine,
        {
          attributes,
          exporters: exporters.length > 0 ? exporters : old,
          cacheFrom: cache?.imports ?? [],
          cacheTo: cache?.exports ?? [],
          entitlements,
          session,
          inputs: specs,
          ...(onSource && { onSource }),
        },
        { ...surroundings, onFailure: (at) => (failedAt = at) },
      );
    } catch (error) {
      // What is a fault of ours is not put in a build's words.
      throw isFailure(error) ? buildError(error, failedAt) : error;
    }
  };
}

/** As contexts are named. */
async function specOf({ store }: Engine, builds: BuildsUnderWay, input: Input): Promise<string> {
  switch (input.kind) {
    case "result": {
      const { id, bytes } = await builds.imageOf(input.id);
      // One of which only files were wanted is not there yet.
      if ((await store.images.get(id)) === undefined) await store.images.put(bytes);
      return `docker-image://${id}`;
    }
    case "git":
      return input.reference;
    case "url":
      return input.url;
  }
}
