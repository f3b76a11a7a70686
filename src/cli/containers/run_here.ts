/** `run`, `create` and `start -a` without a daemon: the container's life is tied to this command. */
import type { CreateContainer, Engine } from "../../engine/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import { formatReference, parseReference, withDefaultTag } from "../../oci/index.ts";
import type { App } from "../app.ts";
import { withProgress } from "../with_progress.ts";
import type { ContainerFlagValues } from "./container_config.ts";
import type { ContainerRequest } from "./container_request.ts";

export interface HereOptions {
  readonly interactive: boolean;
  readonly detachKeys: string | undefined;
  readonly proxySignals: boolean;
  readonly signal: AbortSignal;
}

type PullFlagValues = Pick<ContainerFlagValues, "pull" | "quiet">;
type Created = Awaited<ReturnType<Engine["containers"]["create"]>>;

/** Pulls the image if need be, and makes the container. */
export async function createHere(
  app: App,
  request: ContainerRequest,
  flags: PullFlagValues,
  signal: AbortSignal,
): Promise<Created> {
  const { imageName, name, config, hostConfig, endpoints } = request;
  const image = await findOrPull(app, imageName, flags, signal);
  const options: CreateContainer = {
    imageName,
    image,
    ...(name !== undefined && { name }),
    config,
    hostConfig,
    endpoints,
    warn: (text) => void app.stderr.write(`WARNING: ${text}\n`),
  };
  return (await app.engine()).containers.create(options);
}

/** Returns the container's exit code. */
export async function startHere(app: App, container: string, options: HereOptions): Promise<number> {
  const { interactive, detachKeys, proxySignals, signal } = options;
  return (await app.engine()).containers.start(container, {
    stdin: app.stdin,
    stdout: app.stdout,
    stderr: app.stderr,
    interactive,
    warn: (text) => void app.stderr.write(`WARNING: ${text}\n`),
    ...(detachKeys !== undefined && { detachKeys }),
    proxySignals,
    signal,
  });
}

/** Throws `Failure` for what only a daemon can do for a container, and for ports that nobody could reach. */
export function checkHere({ hostConfig }: ContainerRequest): void {
  const { NetworkMode = "none" } = hostConfig;
  const { Name: restart } = hostConfig["RestartPolicy"] as { readonly Name: string };
  if (restart !== "no" && restart !== "")
    throw new Failure("unsupported", `restart policy ${restart}: only a daemon can do that for a container`, {
      hint: "Start one with 'varve daemon'.",
    });
  const publishes =
    Object.keys(hostConfig["PortBindings"] as object).length > 0 || hostConfig["PublishAllPorts"] === true;
  if (publishes && NetworkMode === "none")
    throw new Failure("invalid", "published ports: network none has nothing to publish", {
      hint: "Without a daemon none is the default: give --network bridge, or another one.",
    });
}

async function findOrPull(app: App, name: string, flags: PullFlagValues, signal: AbortSignal) {
  const engine = await app.engine();
  if (flags.pull !== "always") {
    try {
      return await engine.images.resolve(name);
    } catch (error) {
      if (!isFailure(error, "not-found") || flags.pull === "never") throw error;
    }
    app.stderr.write(`Unable to find image '${taggedName(name)}' locally\n`);
  }
  const errorApp = { ...app, stdout: app.stderr };
  await withProgress(errorApp, flags.quiet, (report) =>
    engine.images.pull(name, { signal, ...(report !== undefined && { report }) }),
  );
  return engine.images.resolve(name);
}

/** `alpine` as `alpine:latest`, as Docker names what it looks for. */
export function taggedName(name: string): string {
  const full = formatReference(withDefaultTag(parseReference(name)));
  return full.replace(/^docker\.io\/(library\/)?/, "");
}
