/** `_ping`, `version`, `info`, `events`, `system/df`, `auth` (Engine API, System). */
import { arch, release } from "node:os";
import { version, type Daemon } from "../../engine/index.ts";
import { newestVersion, oldestVersion, type Call, type Route } from "../http/index.ts";

export function systemRoutes(_daemon: Daemon): Route[] {
  return [
    { method: "GET", path: "/_ping", handle: (call) => ping(call, "OK") },
    { method: "HEAD", path: "/_ping", handle: (call) => ping(call, "") },
    { method: "GET", path: "/version", handle: (call) => call.reply(200, versionShown()) },
  ];
}

function ping(call: Call, text: string): void {
  call.text(200, text, {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    Pragma: "no-cache",
    "Builder-Version": "1",
    Swarm: "inactive",
  });
}

function versionShown(): object {
  const about = {
    ApiVersion: newestVersion,
    MinAPIVersion: oldestVersion,
    Os: "linux",
    Arch: arch() === "x64" ? "amd64" : arch(),
    KernelVersion: release(),
  };
  return {
    Platform: { Name: "varve" },
    Components: [{ Name: "Engine", Version: version, Details: about }],
    Version: version,
    ...about,
    GitCommit: "",
    GoVersion: "",
    BuildTime: "",
  };
}
