/** Languages of build files: Dockerfiles, which are read here whoever was named to read them. */
import { codes, GrpcError } from "../../rpc/index.ts";
import type { Attributes } from "./dockerfile_attributes.ts";

/** Docker's own frontends as images (`# syntax=docker/dockerfile:1`, the build argument `BUILDKIT_SYNTAX`). */
const dockers = /^(docker\.io\/)?docker\/dockerfile(-upstream)?([:@]|$)/;

/** @throws GrpcError */
export function checkFrontend(frontend: string, { source = "" }: Attributes): void {
  if (frontend === "dockerfile.v0") return;
  if (frontend !== "gateway.v0") throw new GrpcError(codes.notFound, `frontend ${frontend} not found`);
  if (dockers.test(source)) return;
  throw new GrpcError(
    codes.unimplemented,
    `frontend image ${source} is not run here, only Dockerfiles are built`,
  );
}
