import type { Methods } from "../../rpc/index.ts";
import { bridgeMethods } from "./bridge_service.ts";
import { BuildsUnderWay } from "./builds_under_way.ts";
import { controlMethods, type ControlParts } from "./control_service.ts";

/** All methods that BuildKit's clients build by. */
export function buildkitMethods(given: Omit<ControlParts, "builds">): Methods {
  const parts = { ...given, builds: new BuildsUnderWay() };
  return { ...controlMethods(parts), ...bridgeMethods(parts) };
}

export { solveDockerfile, type DockerfileSolve, type Solved } from "./solve_dockerfile.ts";
