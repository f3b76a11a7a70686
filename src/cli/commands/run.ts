/** `varve run`, `create`, `start`: containers in the foreground. */
import { Failure, isFailure } from "../../errors.ts";
import {
  containerExitCode,
  parseBind,
  type CreateContainer,
  type Engine,
  type HostConfig,
} from "../../engine/index.ts";
import { formatReference, parseReference, withDefaultTag, type ContainerConfig } from "../../oci/index.ts";
import { command, line, type App } from "../app.ts";
import { reportFailure, type FlagValues } from "../kit/index.ts";
import { containerFlags } from "../container_flags.ts";
import { withProgress } from "../with_progress.ts";
import { environment } from "../environment.ts";

type ContainerFlagValues = FlagValues<typeof containerFlags>;

const runExamples = [
  { text: "One command, nothing left behind", command: "varve run --rm alpine:3.20 cat /etc/os-release" },
  { text: "A shell", command: "varve run -it --rm alpine:3.20 sh" },
  {
    text: "With a host directory, read-only, and limits",
    command: "varve run --rm -v /srv/data:/data:ro --memory 256m --cpus 1.5 app:1",
  },
];

export const run = command({
  path: ["run"],
  aliases: [["container", "run"]],
  section: "Containers",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create and run a new container from an image",
  details:
    "The container runs in the foreground; the exit code is the command's, 125 when varve failed, 126 when the " +
    "command cannot be invoked, 127 when it is not found, 128 + n when signal n ended it. The image is pulled if it " +
    "is not here.",
  examples: runExamples,
  flags: {
    ...containerFlags,
    "detach-keys": {
      kind: "string",
      type: "string",
      help: "Override the key sequence for detaching a container",
    },
    rm: { kind: "boolean", help: "Remove the container and its layer when it exits" },
    "sig-proxy": { kind: "boolean", default: true, help: "Proxy received signals to the process" },
  },
  args: { min: 1, name: "IMAGE" },
  stopAtFirst: true,
  complete: (position) => (position === 0 ? "image" : "none"),
  ownSignals: true,
  failureCode: 125,
  run: ({ app, flags, args, signal }) =>
    withDockerExitCodes(app, async () => {
      const record = await interruptible((pulling) => createFrom(app, args, flags, flags.rm, pulling));
      const engine = await app.engine();
      try {
        return await engine.containers.start(record.ID, {
          ...streams(app, flags.interactive),
          ...(flags["detach-keys"] !== undefined && { detachKeys: flags["detach-keys"] }),
          proxySignals: flags["sig-proxy"],
          signal,
        });
      } catch (error) {
        if (flags.rm) await engine.containers.remove(record.ID).catch(() => undefined);
        throw error;
      }
    }),
});

export const create = command({
  path: ["create"],
  aliases: [["container", "create"]],
  section: "Containers",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create a container without running it",
  examples: [{ text: "To run later with `varve start -a web`", command: "varve create --name web app:1" }],
  flags: {
    ...containerFlags,
    rm: { kind: "boolean", help: "Remove the container and its layer when it exits" },
  },
  args: { min: 1, name: "IMAGE" },
  stopAtFirst: true,
  complete: (position) => (position === 0 ? "image" : "none"),
  async run({ app, flags, args, signal }) {
    const record = await createFrom(app, args, flags, flags.rm, signal);
    line(app, app.json ? JSON.stringify({ Id: record.ID }) : record.ID);
  },
});

export const start = command({
  path: ["start"],
  aliases: [["container", "start"]],
  section: "Containers",
  usage: "[OPTIONS] CONTAINER",
  summary: "Run a container that exists, in the foreground",
  examples: [{ text: "Again, with the files that it wrote last time", command: "varve start -a web" }],
  flags: {
    attach: {
      kind: "boolean",
      short: "a",
      help: "Attach STDOUT/STDERR and forward signals (always so for now)",
    },
    "detach-keys": {
      kind: "string",
      type: "string",
      help: "Override the key sequence for detaching a container",
    },
    interactive: { kind: "boolean", short: "i", help: "Attach container's STDIN" },
  },
  args: { min: 1, max: 1, name: "CONTAINER" },
  complete: "container",
  ownSignals: true,
  async run({ app, flags, args, signal }) {
    const engine = await app.engine();
    return engine.containers.start(args[0] as string, {
      ...streams(app, flags.interactive),
      ...(flags["detach-keys"] !== undefined && { detachKeys: flags["detach-keys"] }),
      signal,
    });
  },
});

function streams(app: App, interactive: boolean) {
  const warn = (text: string): void => void app.stderr.write(`WARNING: ${text}\n`);
  return { stdin: app.stdin, stdout: app.stdout, stderr: app.stderr, interactive, warn };
}

/** Docker's `run` fails with 125, or 126 and 127 for commands that cannot be run. */
async function withDockerExitCodes(app: App, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (isFailure(error, "cancelled")) throw error;
    return reportFailure(error, app.stderr, { exitCode: await containerExitCode(error) });
  }
}

/** Until the container runs and gets the signals itself, Ctrl-C ends the command. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort();
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

type Created = Awaited<ReturnType<Engine["containers"]["create"]>>;

async function createFrom(
  app: App,
  args: readonly string[],
  flags: ContainerFlagValues,
  autoRemove: boolean,
  signal: AbortSignal,
): Promise<Created> {
  const [imageName = "", ...words] = args;
  if (flags.tty && flags.interactive && app.stdin.isTTY !== true) {
    throw new Failure("invalid", "the input device is not a TTY");
  }
  const image = await findOrPull(app, imageName, flags, signal);
  const options: CreateContainer = {
    imageName,
    image,
    ...(flags.name !== undefined && { name: flags.name }),
    config: await configOf(flags, words, imageName),
    hostConfig: hostConfigOf(flags, autoRemove),
  };
  return (await app.engine()).containers.create(options);
}

async function findOrPull(app: App, name: string, flags: ContainerFlagValues, signal: AbortSignal) {
  const engine = await app.engine();
  if (flags.pull !== "always") {
    try {
      return await engine.images.resolve(name);
    } catch (error) {
      if (!isFailure(error, "not-found") || flags.pull === "never") throw error;
    }
    app.stderr.write(`Unable to find image '${familiar(name)}' locally\n`);
  }
  const errorApp = { ...app, stdout: app.stderr };
  await withProgress(errorApp, flags.quiet, (report) =>
    engine.images.pull(name, { signal, ...(report !== undefined && { report }) }),
  );
  return engine.images.resolve(name);
}

function familiar(name: string): string {
  const full = formatReference(withDefaultTag(parseReference(name)));
  return full.replace(/^docker\.io\/(library\/)?/, "");
}

async function configOf(
  flags: ContainerFlagValues,
  words: readonly string[],
  imageName: string,
): Promise<ContainerConfig> {
  return {
    Hostname: flags.hostname ?? "",
    Domainname: "",
    User: flags.user ?? "",
    AttachStdin: flags.interactive,
    AttachStdout: true,
    AttachStderr: true,
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive,
    Env: await environment(flags.env, flags["env-file"]),
    Cmd: words.length > 0 ? [...words] : null,
    Image: imageName,
    WorkingDir: flags.workdir ?? "",
    ...(flags.entrypoint !== undefined && { Entrypoint: [flags.entrypoint] }),
    Labels: Object.fromEntries(flags.label),
  };
}

function hostConfigOf(flags: ContainerFlagValues, autoRemove: boolean): Partial<HostConfig> {
  for (const bind of flags.volume) parseBind(bind);
  const orNull = (values: readonly string[]): string[] | null => (values.length > 0 ? [...values] : null);
  return {
    Binds: orNull(flags.volume),
    NetworkMode: flags.network,
    AutoRemove: autoRemove,
    CapAdd: orNull(flags["cap-add"]),
    CapDrop: orNull(flags["cap-drop"]),
    Dns: [...flags.dns],
    ExtraHosts: orNull(flags["add-host"]),
    Privileged: flags.privileged,
    ReadonlyRootfs: flags["read-only"],
    SecurityOpt: orNull(flags["security-opt"]),
    ShmSize: flags["shm-size"] ?? 67_108_864,
    CpuShares: flags["cpu-shares"] ?? 0,
    Memory: flags.memory ?? 0,
    MemorySwap: flags["memory-swap"] ?? 0,
    NanoCpus: Math.round((flags.cpus ?? 0) * 1e9),
    PidsLimit: flags["pids-limit"] ?? null,
    ...(flags.tmpfs.length > 0 && { Tmpfs: Object.fromEntries(flags.tmpfs.map(splitTmpfs)) }),
  };
}

/** `/run:size=10m`. */
function splitTmpfs(text: string): [string, string] {
  const colon = text.indexOf(":");
  return colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
}
