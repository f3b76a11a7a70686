/** `varve run`, `create`, `start`. */
import { command } from "../app.ts";
import { containerFlags } from "../container_flags.ts";
import { refusedFlag } from "../refused_flag.ts";

const runExamples = [
  { text: "One command, nothing left behind", command: "varve run --rm alpine:3.20 cat /etc/os-release" },
  { text: "A shell", command: "varve run -it --rm alpine:3.20 sh" },
  {
    text: "With a host directory, read-only, and limits",
    command: "varve run --rm -v /srv/data:/data:ro --memory 256m --cpus 1.5 app:1",
  },
  {
    text: "A service that lives on, under 'varve daemon'",
    command: "varve run -d --name web -p 8080:80 --restart unless-stopped app:1",
  },
];

const attach = {
  kind: "list",
  short: "a",
  type: "list",
  help: "Attach to STDIN, STDOUT or STDERR",
} as const;

const detachKeys = {
  kind: "string",
  type: "string",
  help: "Override the key sequence for detaching a container",
} as const;

const sigProxy = { kind: "boolean", default: true, help: "Proxy received signals to the process" } as const;

const rm = {
  kind: "boolean",
  help: "Remove the container and its anonymous volumes when it exits",
} as const;

export const run = command({
  path: ["run"],
  aliases: [["container", "run"]],
  section: "Containers",
  daemon: "asked",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create and run a new container from an image",
  details:
    "In the foreground the exit code is the command's, 125 when varve failed, 126 when the command cannot be invoked, " +
    "127 when it is not found, 128 + n when signal n ended it. The image is pulled if it is not here.\n\n" +
    "Where 'varve daemon' answers (see --host), the container is the daemon's and lives on whatever becomes of this " +
    "command; -d needs one. Without a daemon, and with an explicit --root and no --host, it runs in this process.",
  examples: runExamples,
  flags: {
    ...containerFlags,
    attach,
    detach: { kind: "boolean", short: "d", help: "Run container in background and print container ID" },
    "detach-keys": detachKeys,
    rm,
    "sig-proxy": sigProxy,
  },
  args: { min: 1, name: "IMAGE" },
  stopAtFirst: true,
  complete: (position) => (position === 0 ? "image" : "none"),
  ownSignals: true,
  failureCode: 125,
  // An image's names are the daemon's affair then.
  storeless: ({ flags }) => flags.detach,
  run: async ({ app, flags, args, signal }) =>
    (await import("../containers/run.ts")).run(app, flags, args, signal),
});

export const create = command({
  path: ["create"],
  aliases: [["container", "create"]],
  section: "Containers",
  daemon: "asked",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create a container without running it",
  examples: [{ text: "To run later with `varve start -a web`", command: "varve create --name web app:1" }],
  flags: { ...containerFlags, attach, rm },
  args: { min: 1, name: "IMAGE" },
  stopAtFirst: true,
  complete: (position) => (position === 0 ? "image" : "none"),
  run: async ({ app, flags, args, signal }) =>
    (await import("../containers/run.ts")).create(app, flags, args, signal),
});

export const start = command({
  path: ["start"],
  aliases: [["container", "start"]],
  section: "Containers",
  daemon: "asked",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Start one or more stopped containers",
  details: "Without a daemon one container can be started, with -a or -i, in the foreground.",
  examples: [
    { text: "Again, with the files that it wrote last time", command: "varve start -a web" },
    { text: "In the background", command: "varve start web db" },
  ],
  flags: {
    attach: { kind: "boolean", short: "a", help: "Attach STDOUT/STDERR and forward signals" },
    checkpoint: refusedFlag("varve makes no checkpoints"),
    "checkpoint-dir": refusedFlag("varve makes no checkpoints"),
    "detach-keys": detachKeys,
    interactive: { kind: "boolean", short: "i", help: "Attach container's STDIN" },
    "sig-proxy": { ...sigProxy, hidden: true },
  },
  args: { min: 1, name: "CONTAINER" },
  complete: "stopped",
  ownSignals: true,
  run: async ({ app, flags, args, signal }) =>
    (await import("../containers/start.ts")).start(app, flags, args, signal),
});
