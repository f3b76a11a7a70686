/** Query parameters of `POST /build` (moby, daemon/server/router/build/build_routes.go, `newImageBuildOptions`). */
import { isRemoteContext, parseAddHost, type BuildRequest } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import type { Call } from "../../http/index.ts";
import { platformOf } from "../images/index.ts";
import { cacheFrom, stringsOf } from "./query_values.ts";
import { stepLimits } from "./step_limits.ts";

type Asked = Omit<BuildRequest, "signal" | "stdin">;

/** @throws Failure("invalid"), Failure("unsupported") */
export function buildRequest(call: Call): Asked {
  refuseOther(call);
  const { query } = call;
  const platform = platformOf(call);
  const [target, dockerfile, remote] = ["target", "dockerfile", "remote"].map(
    (name) => query.get(name) ?? "",
  );
  return {
    context: contextOf(remote ?? ""),
    mode: "classic",
    tags: query.getAll("t").filter((tag) => tag !== ""),
    buildArgs: stringsOf(call, "buildargs", "error reading build args"),
    labels: stringsOf(call, "labels", "error reading labels"),
    noCache: call.flag("nocache"),
    pull: call.flag("pull"),
    network: networkOf(query.get("networkmode") ?? ""),
    addHosts: query.getAll("extrahosts").map(parseAddHost),
    stepLimits: stepLimits(call),
    cacheImages: cacheFrom(call),
    ...(call.flag("squash") && { squash: "new" }),
    ...(target !== "" && target !== undefined && { target }),
    ...(dockerfile !== "" && dockerfile !== undefined && { file: insideContext(dockerfile) }),
    ...(platform && { platforms: [platform] }),
  };
}

function refuseOther({ query }: Call): void {
  const version = query.get("version") ?? "";
  if (version !== "" && version !== "1")
    throw new Failure("invalid", `invalid version ${JSON.stringify(version)}`);
  if (query.getAll("securityopt").length > 0)
    throw new Failure("invalid", "security options are not supported on linux");
  if (!["", "default"].includes(query.get("isolation") ?? ""))
    throw new Failure("invalid", `unsupported isolation: ${JSON.stringify(query.get("isolation"))}`);
}

/** The body, or what lies elsewhere: never a path of this machine. */
function contextOf(remote: string): string {
  if (remote === "" || isRemoteContext(remote)) return remote || "-";
  throw new Failure("invalid", `remoteURL (${remote}) could not be recognized as URL`);
}

/** A path in the context, even if on a command line it would be standard input or a URL. */
function insideContext(path: string): string {
  return path === "-" || /^https?:/.test(path) ? `./${path}` : path;
}

/** Any other is looked for when a step is to run in it, as with dockerd. */
function networkOf(mode: string): string {
  return mode === "" || mode === "bridge" ? "default" : mode;
}
