/** `varve network create|ls|inspect|rm|connect|disconnect|prune` (behaviour B180). */
import { Failure, isFailure } from "../../errors.ts";
import type { NetworkResource } from "../../wire/index.ts";
import { command, line, list, listFlags, result } from "../app.ts";
import { ipamPools } from "../containers/ipam_flags.ts";
import { forEachArgument } from "../for_each_argument.ts";
import { goDateExactly } from "../go_date.ts";
import { renderInspect, reportFailure, type Row } from "../kit/index.ts";
import { parseFilters } from "../parse_filters.ts";
import { networkVerbs, type ListFilters, type PruneFilters } from "../network_verbs.ts";
import { refusedFlag } from "../refused_flag.ts";

const section = "Networks";

export const networkCreate = command({
  path: ["network", "create"],
  section,
  daemon: "asked",
  usage: "[OPTIONS] NETWORK",
  summary: "Create a network",
  details: "Containers of one network find each other by name. It works without a daemon as well, as root.",
  examples: [
    { text: "For containers that are to talk to each other", command: "varve network create backend" },
    {
      text: "With addresses of your choice, and no way out",
      command: "varve network create --internal --subnet 10.9.0.0/24 --gateway 10.9.0.1 inside",
    },
  ],
  flags: {
    attachable: { kind: "boolean", help: "Enable manual container attachment" },
    "aux-address": { kind: "map", type: "map", help: "Addresses that something else has: name=address" },
    "config-from": refusedFlag("it is for networks of other machines"),
    "config-only": refusedFlag("it is for networks of other machines"),
    driver: { kind: "string", short: "d", type: "string", default: "bridge", help: "Driver: bridge" },
    gateway: { kind: "list", type: "address", help: "IPv4 or IPv6 gateway for the subnet" },
    ingress: refusedFlag("varve has no swarm of several machines"),
    internal: { kind: "boolean", help: "Restrict external access to the network" },
    "ip-range": { kind: "list", type: "range", help: "Allocate container addresses from this part" },
    "ipam-driver": {
      kind: "string",
      type: "string",
      default: "default",
      help: "IP address management: default",
    },
    "ipam-opt": { kind: "map", type: "map", help: "Set IPAM driver specific options" },
    ipv4: { kind: "boolean", default: true, hidden: true, help: "Enable IPv4: always so" },
    ipv6: { kind: "boolean", help: "Enable IPv6" },
    label: { kind: "map", type: "list", help: "Set metadata on a network" },
    opt: { kind: "map", short: "o", type: "map", help: "Set driver specific options" },
    scope: { kind: "string", type: "string", values: ["local"], hidden: true, help: "Scope: local" },
    subnet: { kind: "list", type: "subnet", help: "Subnet in CIDR format" },
  },
  args: { min: 1, max: 1, name: "NETWORK" },
  async run({ app, flags, args: [name = ""] }) {
    if (!flags.ipv4) throw new Failure("unsupported", "a network without IPv4: varve makes none");
    const id = await (
      await networkVerbs(app)
    ).create({
      name,
      driver: flags.driver,
      internal: flags.internal,
      attachable: flags.attachable,
      enableIPv6: flags.ipv6,
      options: Object.fromEntries(flags.opt),
      labels: Object.fromEntries(flags.label),
      ipam: {
        driver: flags["ipam-driver"],
        options: Object.fromEntries(flags["ipam-opt"]),
        config: ipamPools(flags),
      },
    });
    line(app, app.json ? JSON.stringify({ Id: id }) : id);
  },
});

export const networkLs = command({
  path: ["network", "ls"],
  aliases: [["network", "list"]],
  section,
  daemon: "asked",
  usage: "[OPTIONS]",
  summary: "List networks",
  examples: [{ text: "Those that no container is in", command: "varve network ls -f dangling=true" }],
  flags: {
    filter: {
      kind: "list",
      short: "f",
      type: "filter",
      help: "Keep networks that match: driver, id, label, name, scope, type, dangling",
    },
    ...listFlags,
  },
  args: { min: 0, max: 0 },
  async run({ app, flags }) {
    const known = ["driver", "id", "label", "name", "scope", "type", "dangling"];
    const networks = await (await networkVerbs(app)).list(filtersOf(flags.filter, known) as ListFilters);
    networks.sort((one, other) => (one.Name < other.Name ? -1 : 1));
    const rows = networks.map((network) => rowOf(network, flags["no-trunc"]));
    const layout = {
      headers: { ID: "NETWORK ID" },
      table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
    };
    if (flags.quiet && flags.format === undefined) return rows.forEach(({ ID }) => line(app, String(ID)));
    list(app, rows, layout, flags);
  },
});

export const networkInspect = command({
  path: ["network", "inspect"],
  section,
  daemon: "asked",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  summary: "Show all that is known of networks, and who is in them",
  examples: [
    {
      text: "Its addresses",
      command: "varve network inspect -f '{{(index .IPAM.Config 0).Subnet}}' backend",
    },
  ],
  flags: {
    format: {
      kind: "string",
      short: "f",
      type: "string",
      help: "Format output with a Go template, or 'json'",
    },
    verbose: { kind: "boolean", short: "v", help: "Accepted for Docker's sake: it is about swarms" },
  },
  args: { min: 1, name: "NETWORK" },
  complete: "network",
  async run({ app, flags: { format }, args }) {
    const networks = await networkVerbs(app);
    const found: NetworkResource[] = [];
    let code = 0;
    for (const name of args) {
      try {
        found.push(await networks.inspect(name));
      } catch (error) {
        if (!isFailure(error, "not-found")) throw error;
        code = reportFailure(error, app.stderr);
      }
    }
    app.stdout.write(found.length === 0 && format === undefined ? "[]\n" : renderInspect(found, format));
    return code;
  },
});

export const networkRm = command({
  path: ["network", "rm"],
  aliases: [["network", "remove"]],
  section,
  daemon: "asked",
  usage: "NETWORK [NETWORK...]",
  summary: "Remove networks",
  examples: [{ text: "One that no container is in any more", command: "varve network rm backend" }],
  flags: { force: { kind: "boolean", short: "f", help: "Do not mind those that are not there" } },
  args: { min: 1, name: "NETWORK" },
  complete: "network",
  async run({ app, flags: { force }, args }) {
    const networks = await networkVerbs(app);
    const remove = async (name: string): Promise<void> => {
      await networks.remove(name);
      line(app, name);
    };
    return forEachArgument(app, args, remove, { missingIsFine: force });
  },
});

export const networkConnect = command({
  path: ["network", "connect"],
  section,
  daemon: "asked",
  usage: "[OPTIONS] NETWORK CONTAINER",
  summary: "Connect a container to a network, also while it runs",
  examples: [{ text: "Under another name", command: "varve network connect --alias db backend postgres" }],
  flags: {
    alias: { kind: "list", type: "list", help: "Add network-scoped alias for the container" },
    "driver-opt": { kind: "map", type: "list", help: "Driver options for the network" },
    "gw-priority": {
      kind: "number",
      integer: true,
      type: "int",
      help: "The network with the highest one gives the default gateway",
    },
    ip: { kind: "string", type: "address", help: "IPv4 address" },
    ip6: { kind: "string", type: "address", help: "IPv6 address" },
    link: { kind: "list", type: "list", help: "Add link to another container" },
    "link-local-ip": { kind: "list", type: "list", help: "Add a link-local address for the container" },
  },
  args: { min: 2, max: 2, name: "NETWORK CONTAINER" },
  complete: (position) => (position === 0 ? "network" : "container"),
  async run({ app, flags, args: [network = "", container = ""] }) {
    const { alias, ip, ip6, link, "gw-priority": priority, "link-local-ip": linkLocal } = flags;
    const options = Object.fromEntries(flags["driver-opt"]);
    const addresses = {
      ...(ip !== undefined && { IPv4Address: ip }),
      ...(ip6 !== undefined && { IPv6Address: ip6 }),
      ...(linkLocal.length > 0 && { LinkLocalIPs: [...linkLocal] }),
    };
    await (
      await networkVerbs(app)
    ).connect(network, container, {
      ...(alias.length > 0 && { Aliases: [...alias] }),
      ...(link.length > 0 && { Links: [...link] }),
      ...(priority !== undefined && { GwPriority: priority }),
      ...(Object.keys(options).length > 0 && { DriverOpts: options }),
      ...(Object.keys(addresses).length > 0 && { IPAMConfig: addresses }),
    });
  },
});

export const networkDisconnect = command({
  path: ["network", "disconnect"],
  section,
  daemon: "asked",
  usage: "[OPTIONS] NETWORK CONTAINER",
  summary: "Disconnect a container from a network",
  examples: [{ text: "A container that runs on", command: "varve network disconnect backend web" }],
  flags: { force: { kind: "boolean", short: "f", help: "Also what is left of a container that is gone" } },
  args: { min: 2, max: 2, name: "NETWORK CONTAINER" },
  complete: (position) => (position === 0 ? "network" : "container"),
  async run({ app, flags: { force }, args: [network = "", container = ""] }) {
    await (await networkVerbs(app)).disconnect(network, container, { force });
  },
});

export const networkPrune = command({
  path: ["network", "prune"],
  section,
  daemon: "asked",
  usage: "[OPTIONS]",
  summary: "Remove all networks that no running container is in",
  examples: [
    { text: "Only those of one project", command: "varve network prune --filter label=project=web" },
  ],
  flags: {
    filter: { kind: "list", type: "filter", help: "Only with this label: label=key, label!=key=value" },
    force: { kind: "boolean", short: "f", help: "Accepted for Docker's sake: varve does not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags: { filter } }) {
    const filters = filtersOf(filter, ["label", "label!"]) as PruneFilters;
    const removed = await (await networkVerbs(app)).prune(filters);
    const lines = removed.length > 0 ? ["Deleted Networks:", ...removed, ""] : [];
    result(app, { NetworksDeleted: removed }, lines);
  },
});

function rowOf(network: NetworkResource, isWhole: boolean): Row {
  const { Name, Id, Driver, Scope, EnableIPv4, EnableIPv6, Internal, Labels } = network;
  return {
    ID: isWhole ? Id : Id.slice(0, 12),
    Name,
    Driver,
    Scope,
    IPv4: String(EnableIPv4),
    IPv6: String(EnableIPv6),
    Internal: String(Internal),
    Labels: Object.entries(Labels)
      .map((label) => label.join("="))
      .join(","),
    CreatedAt: goDateExactly(Date.parse(network.Created)),
  };
}

/** @throws Failure("invalid") for one that is not known */
function filtersOf(filters: readonly string[], known: readonly string[]): Record<string, string[]> {
  const found = parseFilters(filters);
  for (const name of found.keys()) {
    if (!known.includes(name)) throw new Failure("invalid", `invalid filter '${name}'`);
  }
  return Object.fromEntries([...found].map(([name, values]) => [name, [...values]]));
}
