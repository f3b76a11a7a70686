/** How commands find the daemon: always lazily, since most commands never talk to one. */
import { existsSync, realpathSync } from "node:fs";
import { Failure, isFailure } from "../errors.ts";
import type { App } from "./app.ts";
import { socketPath } from "./commands/daemon.ts";
import type { EngineClient } from "./engine_client/index.ts";

/**
 * The daemon for a command that needs one: that of `--host` or `VARVE_HOST`, else of `DOCKER_HOST`, else the one at the
 * usual place.
 * @throws Failure("unavailable") when none answers; "conflict" when it serves another root than the one in use, unless
 *   the user has named the daemon itself
 */
export async function daemonOf(app: App): Promise<EngineClient> {
  const { EngineClient, parseEngineAddress } = await import("./engine_client/index.ts");
  const url = app.host ?? fromDocker() ?? `unix://${socketPath(app)}`;
  const client = await EngineClient.connect(parseEngineAddress(url, process.env));
  const isNamed = app.host !== undefined || (fromDocker() !== undefined && !app.rootGiven);
  if (isNamed) return client;
  const { DockerRootDir = "" } = await client.json<{ readonly DockerRootDir?: string }>("GET", "/info");
  if (realPath(DockerRootDir) === realPath(app.engineOptions.root)) return client;
  throw new Failure(
    "conflict",
    `the daemon at ${url} serves ${DockerRootDir}, not ${app.engineOptions.root}`,
    {
      hint: "Name the daemon of that root with --host, or start it with 'varve --root DIR daemon'.",
    },
  );
}

/**
 * The daemon for a command that can do without: undefined when the user names a root and no daemon, and when the one at
 * the usual place does not answer or serves another root.
 */
export async function daemonIfAny(app: App): Promise<EngineClient | undefined> {
  if (app.host !== undefined) return daemonOf(app);
  if (app.rootGiven) return undefined;
  if (fromDocker() !== undefined) return daemonOf(app);
  if (!existsSync(socketPath(app))) return undefined;
  try {
    return await daemonOf(app);
  } catch (error) {
    if (["unavailable", "denied", "conflict"].some((kind) => isFailure(error) && error.kind === kind))
      return undefined;
    throw error;
  }
}

const fromDocker = (): string | undefined => process.env["DOCKER_HOST"] || undefined;

function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}
