/** All routes of the Engine API. */
import type { Daemon } from "../../engine/index.ts";
import type { Route } from "../http/index.ts";
import { containerRoutes } from "./containers/index.ts";
import { systemRoutes } from "./system.ts";

export function allRoutes(daemon: Daemon): Route[] {
  return [...systemRoutes(daemon), ...containerRoutes(daemon)];
}
