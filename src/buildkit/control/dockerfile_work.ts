/** The work of a result: a Dockerfile of the client that has begun the build. */
import { isFailure } from "../../errors.ts";
import type { BuildUnderWay, Solving } from "./build_under_way.ts";
import type { ControlParts } from "./control_service.ts";
import type { Attributes } from "./dockerfile_attributes.ts";
import { buildError, type FailedAt } from "./error_details.ts";
import { solveDockerfile } from "./solve_dockerfile.ts";

export interface DockerfileAsked {
  readonly attributes: Attributes;
  /** Results of other builds by the name of the input. */
  readonly inputs: ReadonlyMap<string, string>;
}

/** What it throws clients print as it is. */
export function dockerfileWork(
  { daemon, sessions, builds }: ControlParts,
  build: BuildUnderWay,
  { attributes, inputs }: DockerfileAsked,
): Solving {
  const { session: id, exporters, exporter, exporterAttributes, cache, entitlements } = build.request;
  const old = exporter === "" ? [] : [{ type: exporter, attributes: exporterAttributes }];
  return async (surroundings) => {
    let failedAt: FailedAt | undefined;
    try {
      const session = id === "" ? undefined : await sessions.get(id, surroundings.signal);
      const images = new Map<string, string>();
      for (const [name, result] of inputs) images.set(name, await builds.imageOf(result));
      return await solveDockerfile(
        daemon.engine,
        {
          attributes,
          exporters: exporters.length > 0 ? exporters : old,
          cacheFrom: cache?.imports ?? [],
          cacheTo: cache?.exports ?? [],
          entitlements,
          session,
          inputs: images,
        },
        { ...surroundings, onFailure: (at) => (failedAt = at) },
      );
    } catch (error) {
      // What is a fault of ours is not put in a build's words.
      throw isFailure(error) ? buildError(error, failedAt) : error;
    }
  };
}
