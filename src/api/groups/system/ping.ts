/** `GET` and `HEAD /_ping` (moby, api/server/router/system, `pingHandler`). */
import type { Daemon } from "../../../engine/index.ts";
import type { Call } from "../../http/index.ts";

export function ping({ swarm, settings }: Daemon, call: Call): void {
  const isHead = call.request.method === "HEAD";
  call.text(200, isHead ? "" : "OK", {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    Pragma: "no-cache",
    // 2: clients may build by a session.
    "Builder-Version": settings.buildkit === false ? "1" : "2",
    Swarm: swarm.state === undefined ? "inactive" : "active/manager",
    ...(isHead && { "Content-Length": "0" }),
  });
}
