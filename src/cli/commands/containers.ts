/** `varve ps`, `rm`, `diff`, `commit`: containers that exist (behaviours 5.3, B058). */
import { applyChanges, type ContainerSummary } from "../../engine/index.ts";
import { toText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import { parseReference, withDefaultTag } from "../../oci/index.ts";
import { command, line, list, listFlags, result } from "../app.ts";
import { forEachArgument } from "../for_each_argument.ts";
import { goDate } from "../go_date.ts";
import { ellipsis, humanAge, humanDuration, humanSize } from "../kit/index.ts";

const headers = { ID: "CONTAINER ID", RunningFor: "CREATED" };
const columns = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

export const ps = command({
  path: ["ps"],
  aliases: [
    ["container", "ls"],
    ["container", "list"],
    ["container", "ps"],
  ],
  section: "Containers",
  usage: "[OPTIONS]",
  summary: "List containers",
  examples: [
    { text: "All, also those that ended", command: "varve ps -a" },
    { text: "With the bytes that each one wrote", command: "varve ps -as" },
  ],
  flags: {
    all: { kind: "boolean", short: "a", help: "Show all containers (default shows just running)" },
    filter: {
      kind: "list",
      short: "f",
      type: "filter",
      help: "Keep containers that match: name, id, status, ancestor, label, exited",
    },
    ...listFlags,
    latest: { kind: "boolean", short: "l", help: "Show the latest created container (includes all states)" },
    size: { kind: "boolean", short: "s", help: "Display total file sizes" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags }) {
    const wantsSize = flags.size || (flags.format ?? "").includes(".Size");
    const all = flags.all || flags.latest || flags.filter.some((filter) => /^(status|exited)=/.test(filter));
    const found = await (await app.engine()).containers.list({ all, size: wantsSize });
    const kept = found.filter((container) => flags.filter.every((filter) => matches(container, filter)));
    const rows = (flags.latest ? kept.slice(0, 1) : kept).map((container) =>
      rowOf(container, flags["no-trunc"]),
    );
    list(app, rows, { headers, table: flags.size ? `${columns}\t{{.Size}}` : columns }, flags);
  },
});

function matches(container: ContainerSummary, filter: string): boolean {
  const equals = filter.indexOf("=");
  if (equals < 0) throw new Failure("invalid", `bad format of filter (expected name=value): ${filter}`);
  const [key, value] = [filter.slice(0, equals), filter.slice(equals + 1)];
  switch (key) {
    case "name":
      return new RegExp(value).test(container.name);
    case "id":
      return container.id.startsWith(value);
    case "status":
      return container.status === value;
    case "exited":
      return container.status === "exited" && container.exitCode === Number(value);
    case "ancestor":
      return container.image === value || container.imageId.includes(value);
    case "label": {
      const [label = "", wanted] = value.split("=", 2);
      return wanted === undefined ? label in container.labels : container.labels[label] === wanted;
    }
    default:
      throw new Failure("invalid", `invalid filter '${key}'`, { hint: "see 'varve ps --help'" });
  }
}

function rowOf(container: ContainerSummary, full: boolean) {
  const created = Date.parse(container.created);
  const text = full ? container.command : ellipsis(container.command, 20);
  return {
    Command: `"${text}"`,
    CreatedAt: goDate(created),
    ID: full ? container.id : container.id.slice(0, 12),
    Image: container.image,
    Labels: Object.entries(container.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    LocalVolumes: "0",
    Mounts: container.mounts.map((mount) => (full ? mount : ellipsis(mount, 15))).join(","),
    Names: container.name,
    Networks: container.network,
    Ports: "",
    RunningFor: humanAge(created, Date.now()),
    Size: `${humanSize(container.sizeRw ?? 0)}${container.sizeRootFs === undefined ? "" : ` (virtual ${humanSize(container.sizeRootFs)})`}`,
    State: container.status,
    Status: statusText(container, Date.now()),
  };
}

/** Docker's words for the state of a container. */
export function statusText(container: ContainerSummary, now: number): string {
  switch (container.status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${humanDuration((now - Date.parse(container.startedAt)) / 1000)}`;
    case "paused":
      return `Up ${humanDuration((now - Date.parse(container.startedAt)) / 1000)} (Paused)`;
    case "exited":
      return `Exited (${container.exitCode}) ${humanAge(Date.parse(container.finishedAt), now)}`;
    case "dead":
      return "Dead";
    case "removing":
      return "Removal In Progress";
  }
}

export const rm = command({
  path: ["rm"],
  aliases: [["container", "rm"]],
  section: "Containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Remove one or more containers",
  examples: [{ text: "Also one that still runs", command: "varve rm -f web" }],
  flags: {
    force: { kind: "boolean", short: "f", help: "Force the removal of a running container (uses SIGKILL)" },
    volumes: { kind: "boolean", short: "v", help: "Remove anonymous volumes associated with the container" },
  },
  args: { min: 1, name: "CONTAINER" },
  complete: "container",
  async run({ app, flags, args }) {
    const engine = await app.engine();
    return forEachArgument(app, args, async (name) => {
      await engine.containers.remove(name, { force: flags.force });
      line(app, name);
    });
  },
});

export const diff = command({
  path: ["diff"],
  aliases: [["container", "diff"]],
  section: "Containers",
  usage: "CONTAINER",
  summary: "Show what a container changed in its root filesystem",
  details: "A: added, C: changed, D: deleted; sorted by path.",
  examples: [{ text: "What a run left behind", command: "varve diff web" }],
  flags: {},
  args: { min: 1, max: 1, name: "CONTAINER" },
  complete: "container",
  async run({ app, args, signal }) {
    const changes = await (await app.engine()).containers.diff(args[0] as string, { signal });
    const shown = changes.map(({ kind, path }) => ({ kind, path: toText(path) }));
    result(
      app,
      shown,
      shown.map(({ kind, path }) => `${kind} ${path}`),
    );
  },
});

export const commit = command({
  path: ["commit"],
  aliases: [["container", "commit"]],
  section: "Containers",
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  summary: "Make an image of what a container changed",
  examples: [
    { text: "With a message for history", command: "varve commit -m 'added emacs' work repository:layer" },
    { text: "With another command", command: "varve commit -c 'CMD [\"/srv/app\"]' work app:2" },
  ],
  flags: {
    author: { kind: "string", short: "a", type: "string", help: 'Author (e.g., "Jo <jo@x>")' },
    change: {
      kind: "list",
      short: "c",
      type: "list",
      help: "Apply Dockerfile instruction to the created image",
    },
    message: { kind: "string", short: "m", type: "string", help: "Commit message" },
    pause: { kind: "boolean", short: "p", default: true, help: "Pause container during commit" },
  },
  args: { min: 1, max: 2, name: "CONTAINER" },
  complete: (position) => (position === 0 ? "container" : "image"),
  async run({ app, flags, args, signal }) {
    const [container = "", target] = args;
    const name = target === undefined ? undefined : withDefaultTag(parseReference(target));
    const image = await (
      await app.engine()
    ).containers.commit(container, {
      signal,
      pause: flags.pause,
      ...(name !== undefined && { name }),
      ...(flags.author !== undefined && { author: flags.author }),
      ...(flags.message !== undefined && { message: flags.message }),
      change: (config) => applyChanges(config, flags.change),
    });
    line(app, app.json ? JSON.stringify({ Id: image.id }) : image.id);
  },
});
