/** `varve stop`, `restart`, `kill`, `pause`, `unpause`, `rename`, `wait`, `update`: what a daemon does to containers. */
import { Failure } from "../../errors.ts";
import { command, line } from "../app.ts";
import { limitFlags } from "../containers/resource_flags.ts";
import { daemonOf } from "../daemon_client.ts";
import { pathOf } from "../engine_client/path_of.ts";
import { forEachContainer } from "../for_each_container.ts";

const several = {
  section: "Containers",
  args: { min: 1, name: "CONTAINER" },
  complete: "running",
  storeless: true,
  daemon: "asked",
} as const;

const stopFlags = {
  signal: { kind: "string", short: "s", type: "string", help: "Signal to send to the container" },
  timeout: {
    kind: "number",
    short: "t",
    integer: true,
    type: "int",
    help: "Seconds to wait before killing the container",
  },
  time: { kind: "number", integer: true, hidden: true, help: "Docker's older name of --timeout" },
} as const;

export const stop = command({
  ...several,
  path: ["stop"],
  aliases: [["container", "stop"]],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Stop one or more running containers",
  details:
    "Sends SIGTERM, or the signal that the image or --stop-signal names, and SIGKILL to what still runs after 10 " +
    "seconds or --stop-timeout.",
  examples: [{ text: "With a minute to come to an end", command: "varve stop -t 60 db" }],
  flags: stopFlags,
  run: ({ app, flags, args, signal }) =>
    forEachContainer(app, args, (client, name) =>
      client.json("POST", pathOf`/containers/${name}/stop`, {
        query: { signal: flags.signal, t: flags.timeout ?? flags.time },
        signal,
      }),
    ),
});

export const restart = command({
  ...several,
  complete: "container",
  path: ["restart"],
  aliases: [["container", "restart"]],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Restart one or more containers",
  examples: [{ text: "At once", command: "varve restart -t 0 web" }],
  flags: stopFlags,
  run: ({ app, flags, args, signal }) =>
    forEachContainer(app, args, (client, name) =>
      client.json("POST", pathOf`/containers/${name}/restart`, {
        query: { signal: flags.signal, t: flags.timeout ?? flags.time },
        signal,
      }),
    ),
});

export const kill = command({
  ...several,
  path: ["kill"],
  aliases: [["container", "kill"]],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Kill one or more running containers",
  examples: [{ text: "Have it read its configuration again", command: "varve kill -s HUP web" }],
  flags: { signal: { kind: "string", short: "s", type: "string", help: "Signal to send to the container" } },
  run: ({ app, flags, args, signal }) =>
    forEachContainer(app, args, (client, name) =>
      client.json("POST", pathOf`/containers/${name}/kill`, { query: { signal: flags.signal }, signal }),
    ),
});

export const pause = command({
  ...several,
  path: ["pause"],
  aliases: [["container", "pause"]],
  usage: "CONTAINER [CONTAINER...]",
  summary: "Pause all processes within one or more containers",
  examples: [{ text: "While its files are copied", command: "varve pause db" }],
  flags: {},
  run: ({ app, args, signal }) =>
    forEachContainer(app, args, (client, name) =>
      client.json("POST", pathOf`/containers/${name}/pause`, { signal }),
    ),
});

export const unpause = command({
  ...several,
  path: ["unpause"],
  aliases: [["container", "unpause"]],
  usage: "CONTAINER [CONTAINER...]",
  summary: "Unpause all processes within one or more containers",
  examples: [{ text: "Go on", command: "varve unpause db" }],
  flags: {},
  run: ({ app, args, signal }) =>
    forEachContainer(app, args, (client, name) =>
      client.json("POST", pathOf`/containers/${name}/unpause`, { signal }),
    ),
});

export const rename = command({
  ...several,
  path: ["rename"],
  aliases: [["container", "rename"]],
  usage: "CONTAINER NEW_NAME",
  summary: "Rename a container",
  examples: [{ text: "Make room for the next one", command: "varve rename web web-old" }],
  flags: {},
  args: { min: 2, max: 2, name: "CONTAINER" },
  complete: (position) => (position === 0 ? "container" : "none"),
  async run({ app, args, signal }) {
    const [name = "", newName = ""] = args.map((word) => word.trim());
    if (name === "" || newName === "") {
      throw new Failure("invalid", "Neither old nor new names may be empty");
    }
    const client = await daemonOf(app);
    await client.json("POST", pathOf`/containers/${name}/rename`, { query: { name: newName }, signal });
  },
});

export const wait = command({
  ...several,
  path: ["wait"],
  aliases: [["container", "wait"]],
  usage: "CONTAINER [CONTAINER...]",
  summary: "Block until one or more containers stop, then print their exit codes",
  examples: [{ text: "In a script", command: 'test "$(varve wait job)" = 0' }],
  flags: {},
  async run({ app, args, signal }) {
    const { waitForContainers } = await import("../containers/wait.ts");
    return waitForContainers(app, args, signal);
  },
});

export const update = command({
  ...several,
  complete: "container",
  path: ["update"],
  aliases: [["container", "update"]],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Update configuration of one or more containers",
  details: "Limits of a container that runs change at once.",
  examples: [
    { text: "More memory", command: "varve update --memory 1g --memory-swap 2g db" },
    { text: "No longer restarted", command: "varve update --restart no web" },
  ],
  flags: {
    ...limitFlags,
    restart: { kind: "string", type: "string", help: "Restart policy to apply when a container exits" },
  },
  async run({ app, flags, args, given, signal }) {
    const { updateBody } = await import("../containers/update_body.ts");
    const own = Object.keys({ ...limitFlags, restart: 0 });
    if (!own.some((name) => given.has(name))) {
      throw new Failure("invalid", "you must provide one or more flags when using this command");
    }
    const body = updateBody(flags);
    const warnings: string[] = [];
    const code = await forEachContainer(app, args, async (client, name) => {
      const answer = await client.json<{ readonly Warnings?: readonly string[] | null }>(
        "POST",
        pathOf`/containers/${name}/update`,
        { body, signal },
      );
      warnings.push(...(answer?.Warnings ?? []));
    });
    if (!app.json) for (const warning of warnings) line(app, warning);
    return code;
  },
});
