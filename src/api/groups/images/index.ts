/** Images (Engine API, Image; behaviour B179). */
import type { Daemon } from "../../../engine/index.ts";
import type { Call, Route } from "../../http/index.ts";
import { withDaemon } from "../with_daemon.ts";
import { load, save } from "./archives.ts";
import { prune, remove, tag } from "./change.ts";
import { importImage } from "./import.ts";
import { history, inspect } from "./inspect.ts";
import { list } from "./list.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { search } from "./search.ts";

export { shape as imageShape } from "./list.ts";
export { platformOf, pulledStatus } from "./pull.ts";

export function imageRoutes(daemon: Daemon): Route[] {
  const bind = withDaemon(daemon);
  return [
    { method: "GET", path: "/images/json", handle: bind(list) },
    { method: "GET", path: "/images/search", handle: bind(search) },
    { method: "GET", path: "/images/get", handle: bind(save) },
    { method: "POST", path: "/images/create", handle: bind(create) },
    { method: "POST", path: "/images/load", handle: bind(load) },
    { method: "POST", path: "/images/prune", since: "1.25", handle: bind(prune) },
    { method: "GET", path: "/images/:name*/json", handle: bind(inspect) },
    { method: "GET", path: "/images/:name*/history", handle: bind(history) },
    { method: "GET", path: "/images/:name*/get", handle: bind(save) },
    { method: "POST", path: "/images/:name*/push", handle: bind(push) },
    { method: "POST", path: "/images/:name*/tag", handle: bind(tag) },
    { method: "DELETE", path: "/images/:name*", handle: bind(remove) },
  ];
}

function create(daemon: Daemon, call: Call): Promise<void> {
  return call.query.get("fromImage") ? pull(daemon, call) : importImage(daemon, call);
}
