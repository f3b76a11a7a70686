/** `GET /version`. */
import { arch, release } from "node:os";
import { version as varveVersion, type Daemon, type ProgramVersion } from "../../../engine/index.ts";
import { newestVersion, oldestVersion, type Call } from "../../http/index.ts";

export async function version({ engine, settings }: Daemon, call: Call): Promise<void> {
  const { shim, runtime, init } = await engine.system.machine();
  const experimental = settings.experimental === true;
  const about = {
    ApiVersion: newestVersion,
    Arch: arch() === "x64" ? "amd64" : arch(),
    KernelVersion: release(),
    MinAPIVersion: oldestVersion,
    Os: "linux",
  };
  const details = {
    ...about,
    BuildTime: "",
    Experimental: String(experimental),
    GitCommit: "",
    GoVersion: "",
  };
  call.reply(200, {
    Platform: { Name: "varve" },
    Components: [
      { Name: "Engine", Version: varveVersion, Details: details },
      ...[shim, runtime, init].flatMap((program) => (program === undefined ? [] : [component(program)])),
    ],
    Version: varveVersion,
    ...about,
    GitCommit: "",
    GoVersion: "",
    ...(experimental && { Experimental: true }),
    BuildTime: "",
  });
}

function component({ name, version: Version, commit }: ProgramVersion): object {
  return { Name: name, Version, Details: { GitCommit: commit } };
}
