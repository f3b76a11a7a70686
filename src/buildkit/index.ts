/** The protocols of BuildKit's clients: `docker buildx`, compose, buildctl, and the docker CLI with `DOCKER_BUILDKIT=1`. */
export { buildkitMethods, solveDockerfile, type DockerfileSolve, type Solved } from "./control/index.ts";
export * from "./progress/index.ts";
export { introductionOf, Sessions, Uploads, type Session } from "./session/index.ts";
