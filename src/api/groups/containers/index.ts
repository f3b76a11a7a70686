/** Containers (Engine API, Container; behaviour B178). */
import type { Daemon } from "../../../engine/index.ts";
import type { Route } from "../../http/index.ts";
import { withDaemon } from "../with_daemon.ts";
import { attach, attachWebSocket } from "./attach.ts";
import { commit } from "./commit.ts";
import { create } from "./create/create.ts";
import * as files from "./files.ts";
import { inspect } from "./inspect.ts";
import * as life from "./life.ts";
import { list } from "./list/list.ts";
import { prune, rename } from "./manage.ts";

export { rowOf as containerRow } from "./list/list.ts";

export function containerRoutes(daemon: Daemon): Route[] {
  const bind = withDaemon(daemon);
  return [
    { method: "POST", path: "/containers/create", handle: bind(create) },
    { method: "POST", path: "/containers/:id*/start", handle: bind(life.start) },
    { method: "POST", path: "/containers/:id*/stop", handle: bind(life.stop) },
    { method: "POST", path: "/containers/:id*/restart", handle: bind(life.restart) },
    { method: "POST", path: "/containers/:id*/kill", handle: bind(life.kill) },
    { method: "POST", path: "/containers/:id*/pause", handle: bind(life.pause) },
    { method: "POST", path: "/containers/:id*/unpause", handle: bind(life.unpause) },
    { method: "POST", path: "/containers/:id*/wait", handle: bind(life.wait) },
    { method: "POST", path: "/containers/:id*/resize", handle: bind(life.resize) },
    { method: "POST", path: "/containers/:id*/attach", handle: bind(attach) },
    { method: "POST", path: "/commit", handle: bind(commit) },
    { method: "GET", path: "/containers/:id*/attach/ws", handle: bind(attachWebSocket) },
    { method: "DELETE", path: "/containers/:id*", handle: bind(life.remove) },
    { method: "GET", path: "/containers/json", handle: bind(list) },
    { method: "POST", path: "/containers/prune", since: "1.25", handle: bind(prune) },
    { method: "GET", path: "/containers/:id*/json", handle: bind(inspect) },
    { method: "POST", path: "/containers/:id*/rename", handle: bind(rename) },
    { method: "GET", path: "/containers/:id*/changes", handle: bind(files.changes) },
    { method: "GET", path: "/containers/:id*/export", handle: bind(files.exportTar) },
    { method: "HEAD", path: "/containers/:id*/archive", handle: bind(files.headArchive) },
    { method: "GET", path: "/containers/:id*/archive", handle: bind(files.getArchive) },
    { method: "PUT", path: "/containers/:id*/archive", handle: bind(files.putArchive) },
  ];
}
