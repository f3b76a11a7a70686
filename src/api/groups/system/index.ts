/** System (Engine API, System; behaviours B176, B183). */
import type { Daemon } from "../../../engine/index.ts";
import type { Route } from "../../http/index.ts";
import { withDaemon } from "../with_daemon.ts";
import { diskUsage } from "./disk_usage.ts";
import { events } from "./events.ts";
import { info } from "./info.ts";
import { ping } from "./ping.ts";
import { version } from "./version.ts";

export function systemRoutes(daemon: Daemon): Route[] {
  const bind = withDaemon(daemon);
  return [
    { method: "GET", path: "/_ping", handle: bind(ping) },
    { method: "HEAD", path: "/_ping", handle: bind(ping) },
    { method: "GET", path: "/version", handle: bind(version) },
    { method: "GET", path: "/info", handle: bind(info) },
    { method: "GET", path: "/events", handle: bind(events) },
    { method: "GET", path: "/system/df", handle: bind(diskUsage) },
  ];
}
