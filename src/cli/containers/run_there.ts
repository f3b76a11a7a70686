/** `run` and `create` on a daemon: the container lives on without us. */
import { registryAuth } from "../../engine/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import { parseReference, withDefaultTag } from "../../oci/index.ts";
import { line, type App } from "../app.ts";
import { jsonLines, pathOf, type EngineClient } from "../engine_client/index.ts";
import { withProgress } from "../with_progress.ts";
import { attachedStreams } from "./attached_streams.ts";
import type { ContainerFlagValues } from "./container_config.ts";
import { containerRequest, type ContainerRequest } from "./container_request.ts";
import { inForeground } from "./foreground.ts";
import { interruptible } from "./interruptible.ts";
import type { AskedRun } from "./run.ts";
import { taggedName } from "./run_here.ts";

type PullFlagValues = Pick<ContainerFlagValues, "pull" | "quiet">;

/** Returns the container's exit code; with `-d` 0, once it runs. */
export async function runThere(
  app: App,
  client: EngineClient,
  { flags, args, cidfile }: AskedRun,
): Promise<number> {
  const attached = attachedStreams(flags);
  const request = await containerRequest(flags, args, {
    attached,
    autoRemove: flags.rm,
    usualNetwork: "default",
  });
  const id = await interruptible((signal) => createThere(app, client, request, flags, signal));
  cidfile.write(id);
  const start = () => client.json("POST", pathOf`/containers/${id}/start`);
  try {
    if (!Object.values(attached).includes(true)) {
      await start();
      line(app, app.json ? JSON.stringify({ Id: id }) : id);
      return 0;
    }
    return await inForeground(app, client, {
      container: id,
      terminal: flags.tty,
      attached,
      detachKeys: flags["detach-keys"],
      proxySignals: flags["sig-proxy"],
      until: flags.rm ? "removed" : "next-exit",
      start,
    });
  } catch (error) {
    // One that could not be started has no end at which it would go.
    const path = pathOf`/containers/${id}`;
    if (flags.rm)
      await client.json("DELETE", path, { query: { v: true, force: true } }).catch(() => undefined);
    throw error;
  }
}

/** Pulls the image if need be, and makes the container; returns its ID. */
export async function createThere(
  app: App,
  client: EngineClient,
  request: ContainerRequest,
  flags: PullFlagValues,
  signal: AbortSignal,
): Promise<string> {
  const { imageName, name, platform, config, hostConfig, endpoints } = request;
  const create = () =>
    client.json<Created>("POST", "/containers/create", {
      query: { name, platform },
      body: { ...config, HostConfig: hostConfig, NetworkingConfig: { EndpointsConfig: endpoints } },
      signal,
    });
  if (flags.pull === "always") await pullThere(app, client, request, flags, signal);
  let created: Created;
  try {
    created = await create();
  } catch (error) {
    if (!isImageMissing(error, request) || flags.pull !== "missing") throw error;
    app.stderr.write(`Unable to find image '${taggedName(imageName)}' locally\n`);
    await pullThere(app, client, request, flags, signal);
    created = await create();
  }
  for (const warning of created.Warnings ?? []) app.stderr.write(`WARNING: ${warning}\n`);
  return created.Id;
}

/**
 * By Docker's words: those of a network or another container say something else, those of an image that is to be mounted
 * name that one.
 */
function isImageMissing(error: unknown, { imageName, hostConfig }: ContainerRequest): boolean {
  if (!isFailure(error, "not-found") || !/no such image/i.test(error.message)) return false;
  const isNamed = (name: string): boolean => error.message.endsWith(`: ${taggedName(name)}`);
  const mounted = (hostConfig.Mounts ?? []).filter(({ Type }) => Type === "image");
  return isNamed(imageName) || !mounted.some(({ Source = "" }) => isNamed(Source));
}

interface Created {
  readonly Id: string;
  readonly Warnings?: readonly string[] | null;
}

interface PullMessage {
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
}

async function pullThere(
  app: App,
  client: EngineClient,
  { imageName, platform }: ContainerRequest,
  { quiet }: PullFlagValues,
  signal: AbortSignal,
): Promise<void> {
  const { domain, path, tag, digest } = withDefaultTag(parseReference(imageName));
  const auth = await registryAuth(domain);
  const stream = await client.stream("POST", "/images/create", {
    query: { fromImage: `${domain}/${path}`, tag: digest ?? tag, platform },
    ...(auth !== undefined && { headers: { "X-Registry-Auth": auth } }),
    signal,
  });
  await withProgress({ ...app, stdout: app.stderr }, quiet, async (report) => {
    for await (const message of jsonLines<PullMessage>(stream)) {
      if (message.error !== undefined) throw new Failure("unavailable", message.error);
      const { id, status = "", progressDetail: { current, total } = {} } = message;
      report?.({
        status,
        ...(id !== undefined && { id }),
        ...(current !== undefined && { current }),
        ...(total !== undefined && { total }),
      });
    }
  });
}
