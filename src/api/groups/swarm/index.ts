/** Swarm, nodes, services, tasks, secrets and configs (Engine API; behaviour B182): at most this one node, no services. */
import type { Daemon } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import { ApiError, type Call, type Route } from "../../http/index.ts";
import { withDaemon, type DaemonHandler } from "../with_daemon.ts";
import { begin, join, leave, update } from "./cluster.ts";
import { manager, versionAsked } from "./manager.ts";
import { deleteNode, findNode, listNodes, updateNode } from "./nodes.ts";
import { clusterShown, tokensOf } from "./shapes.ts";

export { manager } from "./manager.ts";
export { swarmInfo } from "./shapes.ts";

export function swarmRoutes(daemon: Daemon): Route[] {
  const bind = withDaemon(daemon);
  const route: MakeRoute = (method, path, handler) => ({ method, path, handle: bind(handler) });
  return [
    route("GET", "/swarm", inspect),
    route("POST", "/swarm/init", begin),
    route("POST", "/swarm/join", join),
    route("POST", "/swarm/leave", leave),
    route("POST", "/swarm/update", update),
    route("GET", "/swarm/unlockkey", unlockKey),
    route("POST", "/swarm/unlock", unlock),
    route("GET", "/nodes", listNodes),
    route("GET", "/nodes/:id", findNode),
    route("DELETE", "/nodes/:id", deleteNode),
    route("POST", "/nodes/:id/update", updateNode),
    route("GET", "/services/:id/logs", logs("service")),
    route("GET", "/tasks/:id/logs", logs("task")),
    ...collection(route, "services", "service"),
    ...collection(route, "tasks", "task"),
    ...collection(route, "secrets", "secret"),
    ...collection(route, "configs", "config"),
  ];
}

type MakeRoute = (method: Route["method"], path: string, handler: DaemonHandler) => Route;

/** Things of which there are none, and none can be made. */
function collection(route: MakeRoute, path: string, kind: "service" | "task" | "secret" | "config"): Route[] {
  const none: DaemonHandler = (daemon, call) => {
    manager(daemon);
    throw new Failure("not-found", `${kind} ${call.param("id")} not found`);
  };
  const reading = [
    route("GET", `/${path}`, (daemon, call) => {
      manager(daemon);
      call.reply(200, []);
    }),
    route("GET", `/${path}/:id`, none),
  ];
  // Tasks are made by services.
  if (kind === "task") return reading;
  return [
    ...reading,
    route("POST", `/${path}/create`, async (daemon, call) => {
      await call.json();
      manager(daemon);
      throw new Failure("unsupported", `cannot create a ${kind}: this engine runs containers, not services`, {
        hint: "Use containers, or compose.",
      });
    }),
    route("DELETE", `/${path}/:id`, none),
    route("POST", `/${path}/:id/update`, (daemon, call) => {
      versionAsked(call, kind);
      return none(daemon, call);
    }),
  ];
}

function inspect(daemon: Daemon, call: Call): void {
  const state = manager(daemon);
  call.reply(200, { ...clusterShown(state), JoinTokens: tokensOf(state) });
}

function unlockKey(daemon: Daemon, call: Call): void {
  manager(daemon);
  call.reply(200, { UnlockKey: "" });
}

function unlock(daemon: Daemon): void {
  manager(daemon);
  throw new Failure("conflict", "swarm is not locked");
}

const logs =
  (kind: string): DaemonHandler =>
  (daemon, call) => {
    if (!call.flag("stdout") && !call.flag("stderr")) {
      throw new ApiError(400, "Bad parameters: you must choose at least one stream");
    }
    manager(daemon);
    throw new Failure("not-found", `${kind} ${call.param("id")} not found`);
  };
