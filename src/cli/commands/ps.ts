/** `varve ps`: behaviours B095. */
import { statusText, type ContainerSummary } from "../../engine/index.ts";
import { command, list, listFlags } from "../app.ts";
import { portsText } from "../containers/ports_text.ts";
import { goDate } from "../go_date.ts";
import { ellipsis, humanAge, humanSize, type Row } from "../kit/index.ts";
import { parseFilters } from "../parse_filters.ts";

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
      help:
        "Keep containers that match: ancestor, before, exited, expose, health, id, label, name, network, publish, " +
        "since, status, volume",
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
    const found = await (
      await app.engine()
    ).containers.list({
      all: flags.all,
      filters: parseFilters(flags.filter),
      limit: flags.latest ? 1 : flags.last,
      size: wantsSize,
    });
    const rows: Row[] = found.map((container) => rowOf(container, flags["no-trunc"]));
    list(app, rows, { headers, table: flags.size ? `${columns}\t{{.Size}}` : columns }, flags);
  },
});

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
