/** Networks (Engine API, Network; behaviour B180). */
import type { Daemon } from "../../../engine/index.ts";
import type { Route } from "../../http/index.ts";
import { withDaemon } from "../with_daemon.ts";
import { connectContainer, disconnectContainer, pruneNetworks, removeNetwork } from "./change_network.ts";
import { createNetwork } from "./create_network.ts";
import { inspectNetwork, listNetworks } from "./list_networks.ts";

export function networkRoutes(daemon: Daemon): Route[] {
  const bind = withDaemon(daemon);
  return [
    { method: "GET", path: "/networks", handle: bind(listNetworks) },
    { method: "GET", path: "/networks/", handle: bind(listNetworks) },
    { method: "POST", path: "/networks/create", handle: bind(createNetwork) },
    { method: "POST", path: "/networks/prune", since: "1.25", handle: bind(pruneNetworks) },
    { method: "POST", path: "/networks/:id*/connect", handle: bind(connectContainer) },
    { method: "POST", path: "/networks/:id*/disconnect", handle: bind(disconnectContainer) },
    { method: "GET", path: "/networks/:id*", handle: bind(inspectNetwork) },
    { method: "DELETE", path: "/networks/:id*", handle: bind(removeNetwork) },
  ];
}
