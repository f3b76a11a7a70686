import { Failure } from "../../errors.ts";
import type { App } from "../app.ts";
import { daemonOf } from "../daemon_client.ts";
import { pathOf } from "../engine_client/index.ts";
import { inForeground } from "./foreground.ts";

export interface AttachFlagValues {
  readonly "detach-keys": string | undefined;
  readonly "no-stdin": boolean;
  readonly "sig-proxy": boolean;
}

interface Inspected {
  readonly Id: string;
  readonly State: { readonly Running: boolean; readonly Paused: boolean; readonly Restarting: boolean };
  readonly Config: { readonly Tty: boolean; readonly OpenStdin: boolean };
}

/** Returns the container's exit code. Throws Failure in Docker's words for one that does not run, and after the detach keys. */
export async function attach(app: App, container: string, flags: AttachFlagValues): Promise<number> {
  const client = await daemonOf(app);
  const { Id, State, Config } = await client.json<Inspected>("GET", pathOf`/containers/${container}/json`);
  if (!State.Running) throw refused("a stopped container, start it first");
  if (State.Paused) throw refused("a paused container, unpause it first");
  if (State.Restarting) throw refused("a restarting container, wait until it is running");
  const stdin = !flags["no-stdin"] && Config.OpenStdin;
  if (stdin && Config.Tty && app.stdin.isTTY !== true) {
    throw new Failure("invalid", "the input device is not a TTY");
  }
  return inForeground(app, client, {
    container: Id,
    terminal: Config.Tty,
    attached: { stdin, stdout: true, stderr: true },
    detachKeys: flags["detach-keys"],
    proxySignals: flags["sig-proxy"] && !Config.Tty,
    until: "not-running",
    onDetach: () => {
      throw new Failure("invalid", "read escape sequence");
    },
  });
}

function refused(what: string): Failure {
  return new Failure("conflict", `You cannot attach to ${what}`);
}
