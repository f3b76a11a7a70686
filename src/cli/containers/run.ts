/** `run`, `create` and `start`: on a daemon where there is one, else here. */
import { containerExitCode } from "../../engine/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import { line, type App } from "../app.ts";
import { daemonIfAny, daemonOf } from "../daemon_client.ts";
import { reportFailure } from "../kit/index.ts";
import { attachedStreams, type AttachFlagValues } from "./attached_streams.ts";
import { makeCidfile, type Cidfile } from "./cidfile.ts";
import type { ContainerFlagValues } from "./container_config.ts";
import { containerRequest } from "./container_request.ts";
import { interruptible } from "./interruptible.ts";
import { checkHere, createHere, startHere } from "./run_here.ts";

export type RunFlagValues = ContainerFlagValues &
  AttachFlagValues & {
    readonly "detach-keys": string | undefined;
    readonly rm: boolean;
    readonly "sig-proxy": boolean;
  };

/** What `run` is asked for. */
export interface AskedRun {
  readonly flags: RunFlagValues;
  readonly args: readonly string[];
  readonly cidfile: Cidfile;
}

/** Returns the container's exit code, or Docker's for one that cannot be run. */
export async function run(
  app: App,
  flags: RunFlagValues,
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  try {
    checkStreams(app, flags);
  } catch (error) {
    return reportFailure(error, app.stderr);
  }
  try {
    using cidfile = makeCidfile(flags.cidfile);
    const asked = { flags, args, cidfile };
    const client = flags.detach ? await daemonOf(app) : await daemonIfAny(app);
    if (client === undefined) return await runHere(app, asked, signal);
    const { runThere } = await import("./run_there.ts");
    return await runThere(app, client, asked);
  } catch (error) {
    if (isFailure(error, "cancelled")) throw error;
    return reportFailure(error, app.stderr, { exitCode: await containerExitCode(error) });
  }
}

/** What docker/cli refuses with 1, the code of a wrong command line, before it begins. */
function checkStreams(app: App, flags: RunFlagValues): void {
  const { stdin } = attachedStreams(flags);
  if (flags.tty && stdin && app.stdin.isTTY !== true) {
    throw new Failure("invalid", "the input device is not a TTY");
  }
}

async function runHere(app: App, { flags, args, cidfile }: AskedRun, signal: AbortSignal): Promise<number> {
  const attached = attachedStreams(flags);
  const request = await containerRequest(flags, args, {
    attached,
    autoRemove: flags.rm,
    usualNetwork: "none",
  });
  checkHere(request);
  const record = await interruptible((pulling) => createHere(app, request, flags, pulling));
  cidfile.write(record.ID);
  try {
    return await startHere(app, record.ID, {
      interactive: flags.interactive,
      detachKeys: flags["detach-keys"],
      proxySignals: flags["sig-proxy"],
      signal,
    });
  } catch (error) {
    if (flags.rm) await (await app.engine()).containers.remove(record.ID).catch(() => undefined);
    throw error;
  }
}

/** Prints the new container's ID. */
export async function create(
  app: App,
  flags: ContainerFlagValues & Pick<AttachFlagValues, "attach"> & { readonly rm: boolean },
  args: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  using cidfile = makeCidfile(flags.cidfile);
  const client = await daemonIfAny(app);
  const request = await containerRequest(flags, args, {
    attached: attachedStreams({ ...flags, detach: false }),
    autoRemove: flags.rm,
    usualNetwork: client === undefined ? "none" : "default",
  });
  const id =
    client === undefined
      ? (await createHere(app, request, flags, signal)).ID
      : await (await import("./run_there.ts")).createThere(app, client, request, flags, signal);
  cidfile.write(id);
  line(app, app.json ? JSON.stringify({ Id: id }) : id);
}
