/** `--network NAME` or `--network name=NAME,alias=A,ip=…`, with the flags that belong to the first of them. */
import { csvFields, type EndpointSettings } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";

export interface NetworkRequest {
  readonly networks: readonly string[];
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly ip: string | undefined;
  readonly ip6: string | undefined;
  readonly linkLocal?: readonly string[];
  readonly macAddress: string | undefined;
}

export interface NetworkChoice {
  /** Undefined: none was asked for. */
  readonly mode: string | undefined;
  readonly endpoints: Readonly<Record<string, Partial<EndpointSettings>>>;
}

/** Throws `Failure("invalid")` for a field that does not exist, and for flags that have no network to belong to. */
export function parseNetworks(request: NetworkRequest): NetworkChoice {
  const [first, ...others] = request.networks.map(parseOne);
  const mode = first?.name;
  const isPlain =
    mode === undefined ||
    ["default", "bridge", "host", "none"].includes(mode) ||
    mode.startsWith("container:");
  if (isPlain && request.aliases.length > 0) {
    throw new Failure("invalid", "network-scoped aliases are only supported for user-defined networks");
  }
  const own = endpointOf(request.aliases, request.ip, request.ip6, request.macAddress, request.linkLocal);
  const settings = { ...first?.endpoint, ...own };
  const links = isPlain ? undefined : request.links;
  const all = { ...settings, ...(links !== undefined && links.length > 0 && { Links: [...links] }) };
  const endpoints = Object.fromEntries(others.map(({ name, endpoint }) => [name, endpoint]));
  const hasOwn = Object.keys(all).length > 0 || others.length > 0;
  return { mode, endpoints: hasOwn ? { [mode ?? "default"]: all, ...endpoints } : {} };
}

interface OneNetwork {
  readonly name: string;
  readonly endpoint: Partial<EndpointSettings>;
}

function parseOne(text: string): OneNetwork {
  if (!text.includes("=")) return { name: text, endpoint: {} };
  const fields = csvFields(text, "network").map(({ key, value, text: field }) => {
    if (value === undefined) throw new Failure("invalid", `invalid field ${field}`);
    return [key.trim(), value.trim()] as const;
  });
  const unknown = fields.find(([key]) => !known.includes(key));
  if (unknown !== undefined) throw new Failure("invalid", `invalid field key ${unknown[0]}`);
  const one = (key: string): string | undefined => fields.findLast(([name]) => name === key)?.[1];
  const all = (key: string): string[] => fields.flatMap(([name, value]) => (name === key ? [value] : []));
  const name = one("name");
  if (name === undefined || name === "") {
    throw new Failure("invalid", "network name/id is not specified");
  }
  const options = all("driver-opt").map(driverOption);
  return {
    name,
    endpoint: {
      ...endpointOf(all("alias"), one("ip"), one("ip6"), one("mac-address"), all("link-local-ip")),
      ...(one("gw-priority") !== undefined && { GwPriority: priorityOf(one("gw-priority") as string) }),
      ...(options.length > 0 && { DriverOpts: Object.fromEntries(options) }),
    },
  };
}

const known = ["name", "alias", "ip", "ip6", "link-local-ip", "mac-address", "driver-opt", "gw-priority"];

function endpointOf(
  aliases: readonly string[],
  ip: string | undefined,
  ip6: string | undefined,
  macAddress: string | undefined,
  linkLocal: readonly string[] = [],
): Partial<EndpointSettings> {
  const IPAMConfig = {
    ...(ip !== undefined && { IPv4Address: ip }),
    ...(ip6 !== undefined && { IPv6Address: ip6 }),
    ...(linkLocal.length > 0 && { LinkLocalIPs: [...linkLocal] }),
  };
  return {
    ...(aliases.length > 0 && { Aliases: [...aliases] }),
    ...(Object.keys(IPAMConfig).length > 0 && { IPAMConfig }),
    ...(macAddress !== undefined && { MacAddress: macAddress }),
  };
}

function driverOption(text: string): readonly [string, string] {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new Failure("invalid", "invalid key value pair format in driver options");
  return [text.slice(0, equals).trim(), text.slice(equals + 1).trim()];
}

function priorityOf(text: string): number {
  if (!/^[+-]?\d{1,10}$/.test(text)) {
    throw new Failure("invalid", `invalid gw-priority (${text}): invalid syntax`);
  }
  return Number(text);
}
