/** `varve volume create|ls|inspect|rm|prune` (behaviour B181). */
import type { VolumeFilter } from "../../engine/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import type { Volume } from "../../wire/index.ts";
import { command, line, list, result } from "../app.ts";
import { forEachArgument } from "../for_each_argument.ts";
import { humanSize, renderInspect, reportFailure, type Row } from "../kit/index.ts";
import { parseFilters } from "../parse_filters.ts";
import { refusedFlag } from "../refused_flag.ts";

/** Of volumes of a swarm. */
const clusterFlags = Object.fromEntries(
  [
    "availability",
    "group",
    "limit-bytes",
    "required-bytes",
    "scope",
    "secret",
    "sharing",
    "topology-preferred",
    "topology-required",
    "type",
  ].map((name) => [name, refusedFlag("varve has no volumes of several machines")]),
);

export const volumeCreate = command({
  path: ["volume", "create"],
  section: "Volumes",
  daemon: "same",
  usage: "[OPTIONS] [VOLUME]",
  summary: "Create a volume",
  examples: [
    { text: "To mount with `varve run -v data:/var/lib/app`", command: "varve volume create data" },
    {
      text: "In memory",
      command: "varve volume create -o type=tmpfs -o device=tmpfs -o o=size=100m scratch",
    },
  ],
  flags: {
    driver: {
      kind: "string",
      short: "d",
      type: "string",
      default: "local",
      help: "Volume driver: local is the only one",
    },
    label: { kind: "map", type: "list", help: "Set metadata for a volume" },
    ...clusterFlags,
    opt: { kind: "map", short: "o", type: "map", help: "Set driver specific options: type, device, o" },
  },
  args: { min: 0, max: 1, name: "VOLUME" },
  async run({ app, flags, args: [name] }) {
    const { volumes } = await app.engine();
    const volume = await volumes.create({
      ...(name !== undefined && { name }),
      driver: flags.driver,
      options: Object.fromEntries(flags.opt),
      labels: Object.fromEntries(flags.label),
    });
    line(app, app.json ? JSON.stringify(volume) : volume.Name);
  },
});

export const volumeLs = command({
  path: ["volume", "ls"],
  aliases: [["volume", "list"]],
  section: "Volumes",
  daemon: "same",
  usage: "[OPTIONS]",
  summary: "List volumes",
  examples: [{ text: "Those that no container has", command: "varve volume ls -f dangling=true" }],
  flags: {
    filter: {
      kind: "list",
      short: "f",
      type: "filter",
      help: "Keep volumes that match: name, label, driver, dangling",
    },
    format: {
      kind: "string",
      type: "string",
      help: "Format output with a Go template, 'table TEMPLATE' or 'json'",
    },
    cluster: refusedFlag("varve has no volumes of several machines"),
    quiet: { kind: "boolean", short: "q", help: "Only display volume names" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags }) {
    const volumes = await (await app.engine()).volumes.list(filterOf(flags.filter));
    if (flags.quiet && flags.format === undefined) return volumes.forEach(({ Name }) => line(app, Name));
    const layout = { headers: { Name: "VOLUME NAME" }, table: "{{.Driver}}\t{{.Name}}" };
    list(app, volumes.map(rowOf), layout, flags);
  },
});

export const volumeInspect = command({
  path: ["volume", "inspect"],
  section: "Volumes",
  daemon: "same",
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  summary: "Show all that is known of volumes",
  examples: [{ text: "Where its content lies", command: "varve volume inspect -f '{{.Mountpoint}}' data" }],
  flags: {
    format: {
      kind: "string",
      short: "f",
      type: "string",
      help: "Format output with a Go template, or 'json'",
    },
  },
  args: { min: 1, name: "VOLUME" },
  complete: "volume",
  async run({ app, flags: { format }, args }) {
    const { volumes } = await app.engine();
    const found: unknown[] = [];
    const failures: Failure[] = [];
    for (const name of args) {
      try {
        found.push(await volumes.inspect(name));
      } catch (error) {
        if (!isFailure(error, "not-found")) throw error;
        failures.push(error);
      }
    }
    app.stdout.write(found.length === 0 && format === undefined ? "[]\n" : renderInspect(found, format));
    return failures.reduce((_, failure) => reportFailure(failure, app.stderr), 0);
  },
});

export const volumeRm = command({
  path: ["volume", "rm"],
  aliases: [["volume", "remove"]],
  section: "Volumes",
  daemon: "same",
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  summary: "Remove volumes and what is in them",
  examples: [{ text: "One that no container has any more", command: "varve volume rm data" }],
  flags: {
    force: { kind: "boolean", short: "f", help: "Do not mind those that are not there" },
  },
  args: { min: 1, name: "VOLUME" },
  complete: "volume",
  async run({ app, flags: { force }, args }) {
    const { volumes } = await app.engine();
    return forEachArgument(app, args, async (name) => {
      await volumes.remove(name, { force });
      line(app, name);
    });
  },
});

export const volumePrune = command({
  path: ["volume", "prune"],
  section: "Volumes",
  daemon: "same",
  usage: "[OPTIONS]",
  summary: "Remove volumes without a name that no container has",
  examples: [{ text: "Also those with a name", command: "varve volume prune -a" }],
  flags: {
    all: { kind: "boolean", short: "a", help: "Remove all volumes that no container has" },
    filter: { kind: "list", type: "filter", help: "Only with this label: label=key, label!=key=value" },
    force: { kind: "boolean", short: "f", help: "Accepted for Docker's sake: varve does not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags: { all, filter } }) {
    const { labels = [], withoutLabels = [] } = filterOf(filter, ["label", "label!"]);
    const pruned = await (await app.engine()).volumes.prune({ all, labels, withoutLabels });
    const { VolumesDeleted, SpaceReclaimed } = pruned;
    result(app, pruned, [
      ...(VolumesDeleted.length > 0 ? ["Deleted Volumes:", ...VolumesDeleted, ""] : []),
      `Total reclaimed space: ${humanSize(SpaceReclaimed, 4)}`,
    ]);
  },
});

/** As docker/cli prints them; what only clusters and `system df` know is "N/A" there. */
function rowOf({ Driver, Labels, Mountpoint, Name, Scope }: Volume): Row {
  const none = "N/A";
  const labels = Object.entries(Labels ?? {}).map((label) => label.join("="));
  return {
    Availability: none,
    Driver,
    Group: none,
    Labels: labels.join(","),
    Links: none,
    Mountpoint,
    Name,
    Scope,
    Size: none,
    Status: none,
  };
}

function filterOf(
  filters: readonly string[],
  known: readonly string[] = ["name", "label", "driver", "dangling"],
): VolumeFilter {
  const found = parseFilters(filters);
  for (const name of found.keys()) {
    if (!known.includes(name)) throw new Failure("invalid", `invalid filter '${name}'`);
  }
  const valuesOf = (name: string): string[] => [...(found.get(name) ?? [])];
  const [dangling] = valuesOf("dangling");
  if (dangling !== undefined && !/^(true|false|1|0)$/.test(dangling)) {
    throw new Failure("invalid", `invalid filter 'dangling=[${dangling}]'`);
  }
  return {
    names: valuesOf("name"),
    drivers: valuesOf("driver"),
    labels: valuesOf("label"),
    withoutLabels: valuesOf("label!"),
    ...(dangling !== undefined && { dangling: ["true", "1"].includes(dangling) }),
  };
}
