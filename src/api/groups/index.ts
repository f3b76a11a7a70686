/** All routes of the Engine API. */
import type { Daemon } from "../../engine/index.ts";
import type { Route } from "../http/index.ts";
import { buildRoutes } from "./build/index.ts";
import { containerRoutes } from "./containers/index.ts";
import { execRoutes } from "./exec.ts";
import { imageRoutes } from "./images/index.ts";
import { logRoutes } from "./logs.ts";
import { networkRoutes } from "./networks/index.ts";
import { registryRoutes } from "./registry.ts";
import { pluginRoutes } from "./plugins.ts";
import { statsRoutes } from "./stats.ts";
import { swarmRoutes } from "./swarm/index.ts";
import { systemRoutes } from "./system/index.ts";
import { volumeRoutes } from "./volumes.ts";

export function allRoutes(daemon: Daemon): Route[] {
  return [
    ...systemRoutes(daemon),
    ...containerRoutes(daemon),
    ...logRoutes(daemon),
    ...statsRoutes(daemon),
    ...execRoutes(daemon),
    ...imageRoutes(daemon),
    ...buildRoutes(daemon),
    ...registryRoutes(daemon),
    ...networkRoutes(daemon),
    ...volumeRoutes(daemon),
    ...swarmRoutes(daemon),
    ...pluginRoutes(),
  ];
}
