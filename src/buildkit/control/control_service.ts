/** moby.buildkit.v1.Control: what `docker buildx`, compose and buildctl build by (moby/buildkit, control/control.go). */
import type { Daemon } from "../../engine/index.ts";
import {
  codes,
  GrpcError,
  streaming,
  unary,
  type GrpcCall,
  type Methods,
  type Read,
} from "../../rpc/index.ts";
import { StatusResponse, type StatusUpdate } from "../progress/index.ts";
import { sessionCall, type Sessions } from "../session/index.ts";
import type { BuildUnderWay } from "./build_under_way.ts";
import type { BuildsUnderWay } from "./builds_under_way.ts";
import { diskUsage, prune } from "./cache_usage.ts";
import {
  DiskUsageRequest,
  DiskUsageResponse,
  InfoResponse,
  ListWorkersResponse,
  Nothing,
  PruneRequest,
  SolveRequest,
  SolveResponse,
  StatusRequest,
  UsageRecord,
} from "./control_messages.ts";
import { checkFrontend } from "./frontends.ts";
import { dockerfileWork } from "./dockerfile_work.ts";
import { buildkitVersion, worker } from "./worker.ts";

export interface ControlParts {
  readonly daemon: Daemon;
  readonly sessions: Sessions;
  readonly builds: BuildsUnderWay;
}

export function controlMethods(parts: ControlParts): Methods {
  const { daemon, builds } = parts;
  const path = (name: string): string => `/moby.buildkit.v1.Control/${name}`;
  return {
    [path("Info")]: unary(Nothing, InfoResponse, () => ({ buildkitVersion: buildkitVersion() })),
    [path("ListWorkers")]: unary(Nothing, ListWorkersResponse, async () => ({
      records: [await worker(daemon)],
    })),
    [path("Session")]: sessionCall(parts.sessions),
    [path("Solve")]: unary(SolveRequest, SolveResponse, (asked, call) => solve(parts, asked, call)),
    [path("Status")]: streaming(StatusRequest, StatusResponse, ({ ref }, call) => status(builds, ref, call)),
    [path("DiskUsage")]: unary(DiskUsageRequest, DiskUsageResponse, (asked, { signal }) =>
      diskUsage(daemon.engine, asked, signal),
    ),
    [path("Prune")]: streaming(PruneRequest, UsageRecord, (asked, { signal }) =>
      prune(daemon.engine, asked, signal),
    ),
    [path("ListenBuildHistory")]: noHistory,
    [path("UpdateBuildHistory")]: noHistory,
  };
}

/** By the code clients know that there is none, as with dockerd before 23, and by the words people do. */
function noHistory(): Promise<never> {
  const words = "there is no history of builds here: nothing is kept of a build that is over but its cache";
  return Promise.reject(new GrpcError(codes.unimplemented, words));
}

async function* status(
  builds: BuildsUnderWay,
  ref: string,
  { signal }: GrpcCall,
): AsyncGenerator<StatusUpdate, void> {
  const build = await builds.get(ref, signal);
  yield* build.feed.read(signal);
}

type Asked = Read<typeof SolveRequest>;

async function solve(parts: ControlParts, asked: Asked, { signal }: GrpcCall) {
  const build = parts.builds.begin({ request: asked, signal });
  try {
    const result = await resultOf(parts, build, asked);
    if (result === undefined) return {};
    return { exporterResponse: (await build.result(result)).response };
  } finally {
    await build.end();
  }
}

/** Undefined: the client only wanted to know what can be built here, or has nothing to export. */
async function resultOf(
  parts: ControlParts,
  build: BuildUnderWay,
  asked: Asked,
): Promise<string | undefined> {
  if (asked.sourcePolicy !== undefined) throw noPolicies();
  if ((asked.definition?.operations.length ?? 0) > 0) throw noGraphs();
  const { frontend, frontendAttributes: attributes } = asked;
  if (frontend === "") {
    const { result, error } = await build.returned();
    if (error !== undefined) throw error;
    return result;
  }
  checkFrontend(frontend, attributes);
  return build.add(dockerfileWork(parts, build, { attributes, inputs: new Map() }));
}

/** What `buildctl build` without a frontend and clients of the library `llb` send. */
export function noGraphs(): GrpcError {
  return new GrpcError(
    codes.unimplemented,
    "build graphs (LLB) are not solved here, only Dockerfiles: use the frontend dockerfile.v0",
  );
}

/** Rules of the client's that only a build graph could be held to. */
export function noPolicies(): GrpcError {
  return new GrpcError(
    codes.unimplemented,
    "source policies are only enforced where the client is asked, as buildx is",
  );
}
