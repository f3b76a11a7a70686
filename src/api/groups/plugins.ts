/** Plugins (Engine API, Plugin): there are none, and none can be installed. */
import { Failure } from "../../errors.ts";
import type { Call, Route } from "../http/index.ts";

export function pluginRoutes(): Route[] {
  return [
    { method: "GET", path: "/plugins", handle: (call) => call.reply(200, []) },
    { method: "GET", path: "/plugins/privileges", handle: refuse },
    { method: "POST", path: "/plugins/pull", handle: refuse },
    { method: "POST", path: "/plugins/create", handle: refuse },
    { method: "GET", path: "/plugins/:name*/json", handle: missing },
    { method: "DELETE", path: "/plugins/:name*", handle: missing },
    ...["enable", "disable", "push", "upgrade", "set"].map((verb): Route => ({
      method: "POST",
      path: `/plugins/:name*/${verb}`,
      handle: missing,
    })),
  ];
}

function missing(call: Call): void {
  throw new Failure("not-found", `plugin "${call.param("name")}" not found`);
}

function refuse(): void {
  throw new Failure("unsupported", "plugins are not supported by this engine");
}
