/** `start`: several in the background, or one with its streams. */
import { Failure, isFailure } from "../../errors.ts";
import { line, type App } from "../app.ts";
import { daemonIfAny, daemonOf } from "../daemon_client.ts";
import type { EngineClient } from "../engine_client/index.ts";
import { forEachArgument } from "../for_each_argument.ts";
import { startHere } from "./run_here.ts";

export interface StartFlagValues {
  readonly attach: boolean;
  readonly "detach-keys": string | undefined;
  readonly interactive: boolean;
  readonly "sig-proxy": boolean;
}

/** Returns the exit code: of the container with `-a` or `-i`, else 1 when one could not be started. */
export async function start(
  app: App,
  flags: StartFlagValues,
  names: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const [name = ""] = names;
  if (!flags.attach && !flags.interactive) return startAll(app, await daemonToStart(app, name), names);
  if (names.length > 1) {
    throw new Failure("invalid", "you cannot start and attach multiple containers at once");
  }
  const client = await daemonIfAny(app);
  if (client !== undefined) return startAttached(app, client, name, flags);
  return startHere(app, name, {
    interactive: flags.interactive,
    detachKeys: flags["detach-keys"],
    proxySignals: flags["sig-proxy"],
    signal,
  });
}

/** Without one, a wrong name is told first, and then what can be done without one. */
async function daemonToStart(app: App, name: string): Promise<EngineClient> {
  try {
    return await daemonOf(app);
  } catch (error) {
    if (!isFailure(error, "unavailable")) throw error;
    await (await app.engine()).containers.inspect(name);
    throw new Failure("unavailable", error.message, {
      hint: `Start one with 'varve daemon'; 'varve start -a ${name}' runs it in the foreground without one.`,
      cause: error,
    });
  }
}

async function startAll(app: App, client: EngineClient, names: readonly string[]): Promise<number> {
  const { pathOf } = await import("../engine_client/index.ts");
  return forEachArgument(app, names, async (name) => {
    await client.json("POST", pathOf`/containers/${name}/start`);
    line(app, name);
  });
}

interface Inspected {
  readonly Id: string;
  readonly Config: { readonly Tty: boolean; readonly OpenStdin: boolean };
  readonly HostConfig: { readonly AutoRemove: boolean };
}

async function startAttached(
  app: App,
  client: EngineClient,
  name: string,
  flags: StartFlagValues,
): Promise<number> {
  const [{ pathOf }, { inForeground }] = await Promise.all([
    import("../engine_client/index.ts"),
    import("./foreground.ts"),
  ]);
  const { Id, Config, HostConfig } = await client.json<Inspected>("GET", pathOf`/containers/${name}/json`);
  return inForeground(app, client, {
    container: Id,
    terminal: Config.Tty,
    attached: { stdin: flags.interactive && Config.OpenStdin, stdout: true, stderr: true },
    detachKeys: flags["detach-keys"],
    proxySignals: flags["sig-proxy"] && !Config.Tty,
    until: HostConfig.AutoRemove ? "removed" : "next-exit",
    start: () => client.json("POST", pathOf`/containers/${Id}/start`),
  });
}
