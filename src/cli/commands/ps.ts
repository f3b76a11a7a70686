/** `varve ps`: behaviours B095. */
import type { ContainerSummary, Engine } from "../../engine/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import { command, list, listFlags } from "../app.ts";
import { portsText } from "../containers/ports_text.ts";
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
  daemon: "same",
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
      help: "Keep containers that match: name, id, status, health, ancestor, label, exited",
    },
    ...listFlags,
    last: {
      kind: "number",
      short: "n",
      integer: true,
      type: "int",
      default: -1,
      help: "Show n last created containers (includes all states)",
    },
    latest: { kind: "boolean", short: "l", help: "Show the latest created container (includes all states)" },
    size: { kind: "boolean", short: "s", help: "Display total file sizes" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags }) {
    // As in docker/cli: a template that shows the size asks for it, `--format json` does not.
    const wantsSize = flags.size || app.json || /\.Size|json \./.test(flags.format ?? "");
    const last = flags.latest ? 1 : flags.last;
    const all = flags.all || last > 0 || flags.filter.some((filter) => /^(status|exited)=/.test(filter));
    const engine = await app.engine();
    const found = await engine.containers.list({ all, size: wantsSize });
    const tests = await Promise.all(flags.filter.map((filter) => testOf(engine, filter)));
    const kept = found.filter((container) => tests.every((test) => test(container)));
    const rows = (last > 0 ? kept.slice(0, last) : kept).map((container) =>
      rowOf(container, flags["no-trunc"]),
    );
    list(app, rows, { headers, table: flags.size ? `${columns}\t{{.Size}}` : columns }, flags);
  },
});

type Test = (container: ContainerSummary) => boolean;

/** What a filter keeps. Throws `Failure("invalid")` for one that does not exist. */
async function testOf(engine: Engine, filter: string): Promise<Test> {
  const equals = filter.indexOf("=");
  if (equals < 0) throw new Failure("invalid", `bad format of filter (expected name=value): ${filter}`);
  const [key, value] = [filter.slice(0, equals), filter.slice(equals + 1)];
  switch (key) {
    case "name":
      return ({ name }) => new RegExp(value).test(name) || new RegExp(value).test(`/${name}`);
    case "id":
      return ({ id }) => id.startsWith(value);
    case "status":
      return ({ status }) => status === value;
    case "health":
      return ({ health = "none" }) => health === value;
    case "exited":
      return ({ status, exitCode }) => status === "exited" && exitCode === Number(value);
    case "ancestor": {
      const family = await descendants(engine, value);
      return ({ imageId }) => family.has(imageId);
    }
    case "label": {
      const [label = "", wanted] = value.split("=", 2);
      return ({ labels }) => (wanted === undefined ? label in labels : labels[label] === wanted);
    }
    default:
      throw new Failure("invalid", `Invalid filter '${key}'`, { hint: "see 'varve ps --help'" });
  }
}

/** The image and all that was built or committed on it here; nothing for a name that nothing has. */
async function descendants(engine: Engine, name: string): Promise<ReadonlySet<string>> {
  try {
    const family = new Set<string>([(await engine.images.resolve(name)).id]);
    const all = await engine.images.list({ all: true });
    // Sets may grow while they are walked: each new member is asked for its own children.
    for (const id of family) for (const image of all) if (image.parentId === id) family.add(image.id);
    return family;
  } catch (error) {
    if (isFailure(error, "not-found") || isFailure(error, "invalid")) return new Set();
    throw error;
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
    Label: (name: string) => container.labels[name] ?? "",
    LocalVolumes: "0",
    Mounts: container.mounts.map((mount) => (full ? mount : ellipsis(mount, 15))).join(","),
    Names: container.name,
    Networks: container.network,
    Platform: null,
    Ports: portsText(container.ports),
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
      return `Up ${humanDuration((now - Date.parse(container.startedAt)) / 1000)}${healthText(container)}`;
    case "paused":
      return `Up ${humanDuration((now - Date.parse(container.startedAt)) / 1000)} (Paused)`;
    case "restarting":
      return `Restarting (${container.exitCode}) ${humanDuration((now - Date.parse(container.finishedAt)) / 1000)} ago`;
    case "exited":
      return `Exited (${container.exitCode}) ${humanDuration((now - Date.parse(container.finishedAt)) / 1000)} ago`;
    case "dead":
      return "Dead";
    case "removing":
      return "Removal In Progress";
  }
}

function healthText({ health }: ContainerSummary): string {
  if (health === undefined) return "";
  return health === "starting" ? " (health: starting)" : ` (${health})`;
}
