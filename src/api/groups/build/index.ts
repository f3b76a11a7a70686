/** Builds (Engine API, `/build`; behaviour B179). */
import type { Daemon } from "../../../engine/index.ts";
import type { Route } from "../../http/index.ts";
import { BuildHandlers } from "./build.ts";
import { BuildkitHandlers } from "./buildkit.ts";
import { pruneBuildCache } from "./prune.ts";

export function buildRoutes(daemon: Daemon): Route[] {
  const buildkit = new BuildkitHandlers(daemon);
  const handlers = new BuildHandlers(daemon, buildkit.sessions);
  return [
    { method: "POST", path: "/build", handle: (call) => handlers.build(call) },
    {
      method: "POST",
      path: "/build/prune",
      since: "1.31",
      handle: (call) => pruneBuildCache(daemon, call),
    },
    { method: "POST", path: "/build/cancel", since: "1.39", handle: (call) => handlers.cancel(call) },
    { method: "POST", path: "/session", handle: (call) => buildkit.session(call) },
    { method: "POST", path: "/grpc", handle: (call) => buildkit.grpc(call) },
  ];
}
