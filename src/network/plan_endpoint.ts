/** From a request to an endpoint with everything that it will have. */
import { randomBytes } from "node:crypto";
import { Failure } from "../errors.ts";
import { addressPool } from "./address_pool.ts";
import { allocateAddress } from "./allocate_address.ts";
import { allocatePorts, type PortAllocation } from "./allocate_ports.ts";
import { formatIp, type IpAddress, parseIp } from "./ip_address.ts";
import { bridgeOptions } from "./network_options.ts";
import type { StoredNetwork, StoredPool } from "./network_state.ts";
import { contains, parseSubnet, type Subnet } from "./subnet.ts";
import { gatewayName } from "./network_defaults.ts";
import { hasNames } from "./netavark_options.ts";
import { takenAddresses } from "./taken_addresses.ts";
import type { ConnectRequest, Endpoint, EndpointAddress } from "./types.ts";

export interface Given {
  readonly endpoints: readonly Endpoint[];
  readonly relays: boolean;
}

/**
 * @param given all endpoints of the root, and whether ports of IPv6 addresses are relayed where the kernel cannot send them on
 * @throws Failure with Docker's texts; see {@link allocateAddress}, {@link allocatePorts}
 */
export async function planEndpoint(
  network: StoredNetwork,
  request: ConnectRequest,
  { endpoints, relays }: Given,
): Promise<Endpoint> {
  checkWords(network, request);
  const { definition } = network;
  const { containerId, containerName, namespace } = request;
  const own = endpoints.filter((one) => one.containerId === containerId);
  const id = randomBytes(32).toString("hex");
  const interfaceName = nextInterface(network, own);
  const { ipv4, ...addresses } = addressesOf(network, request, endpoints);
  const ipv6 = isIpv6Off(request, interfaceName) ? undefined : addresses.ipv6;
  return {
    id,
    networkId: definition.id,
    containerId,
    containerName,
    namespace,
    interfaceName,
    hostInterface: `veth${id.slice(0, 11)}`,
    macAddress: request.macAddress?.toLowerCase() ?? macOf(ipv4.address),
    ipv4,
    ...(ipv6 === undefined ? {} : { ipv6 }),
    ...linkLocalOf(request, ipv6 !== undefined),
    ...sysctlsOf(request, interfaceName),
    aliases: aliasesOf(network, request),
    links: request.links ?? [],
    ports: await portsOf(network, request, endpoints, id, { kernel: ipv6 !== undefined, relays }),
    dns: request.dns ?? [],
    ...(request.gatewayPriority === undefined ? {} : { gatewayPriority: request.gatewayPriority }),
  };
}

/** Names stand in lines of a file of aardvark-dns. @throws Failure("invalid") */
export function checkName(name: string): string {
  if (/^[A-Za-z0-9_.-]{1,253}$/.test(name)) return name;
  const what = JSON.stringify(name);
  throw new Failure("invalid", `${what} cannot be a name in a network: only letters, digits, _ . - may`);
}

function checkWords(network: StoredNetwork, request: ConnectRequest): void {
  const { containerName, aliases = [], macAddress, dns = [] } = request;
  for (const name of [containerName, ...aliases]) checkName(name);
  if (macAddress !== undefined && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(macAddress))
    throw new Failure("invalid", `invalid MAC address: ${macAddress}`);
  for (const server of dns)
    if (parseIp(server) === undefined) throw new Failure("invalid", `${server} is not an IP address`);
  if (hasNames(network)) return;
  if (aliases.length > 0)
    throw new Failure("invalid", "network-scoped aliases are only supported for user-defined networks");
  if (request.ipv4Address !== undefined || request.ipv6Address !== undefined)
    throw new Failure("invalid", "user specified IP address is supported on user defined networks only");
}

function addressesOf(
  network: StoredNetwork,
  request: ConnectRequest,
  endpoints: readonly Endpoint[],
): { readonly ipv4: EndpointAddress; readonly ipv6?: EndpointAddress } {
  const taken = takenAddresses(network, endpoints);
  const take = (family: 4 | 6, requested: string | undefined): EndpointAddress | undefined => {
    const pool = network.pools.find((one) => addressPool(one).subnet.family === family);
    if (pool === undefined) {
      if (requested === undefined || requested === "") return undefined;
      throw new Failure(
        "invalid",
        `Invalid address ${requested}: It does not belong to any of this network's subnets`,
      );
    }
    return takeAddress(network, pool, taken, requested);
  };
  // A bridge network has always an IPv4 pool.
  const ipv4 = take(4, request.ipv4Address) as EndpointAddress;
  const ipv6 = take(6, request.ipv6Address);
  return { ipv4, ...(ipv6 === undefined ? {} : { ipv6 }) };
}

function takeAddress(
  network: StoredNetwork,
  stored: StoredPool,
  taken: ReadonlySet<string>,
  requested: string | undefined,
): EndpointAddress {
  const { name, id, internal } = network.definition;
  const pool = addressPool(stored);
  try {
    const address = formatIp(allocateAddress(pool, taken, requestedIp(stored, requested)));
    const gateway =
      namedGateway(network, pool.subnet.family) ?? (internal ? undefined : formatIp(pool.gateway));
    return { address, prefix: pool.subnet.bits, ...(gateway !== undefined && { gateway }) };
  } catch (error) {
    if (error instanceof Failure && error.kind === "limit")
      throw new Failure("limit", `${error.message}: ${name} (${id})`, { cause: error });
    throw error;
  }
}

/** Also out of an internal network: its user knows who is there (moby, libnetwork/drivers/bridge, `CreateNetwork`). */
function namedGateway({ definition }: StoredNetwork, family: 4 | 6): string | undefined {
  const named = definition.ipam.config.map(({ auxAddresses }) => auxAddresses?.[gatewayName(family)]);
  return named.find((address) => address !== undefined);
}

function requestedIp(pool: StoredPool, text: string | undefined): IpAddress | undefined {
  if (text === undefined || text === "") return undefined;
  const ip = parseIp(text);
  if (ip === undefined) throw new Failure("invalid", `invalid IP address: ${text}`);
  if (pool.elected) {
    throw new Failure(
      "invalid",
      "user specified IP address is supported only when connecting to networks with user configured subnets",
    );
  }
  return ip;
}

/** Go's `IsLinkLocalUnicast`. */
const linkLocalSubnets = ["169.254.0.0/16", "fe80::/10"].map((text) => parseSubnet(text) as Subnet);

/** moby, libnetwork/endpoint.go, `CreateOptionIpam`. The kernel takes none of IPv6 where that is off. */
function linkLocalOf({ linkLocalIps = [] }: ConnectRequest, hasIpv6: boolean): Pick<Endpoint, "linkLocal"> {
  if (linkLocalIps.length === 0) return {};
  const linkLocal = linkLocalIps.map((text) => {
    const ip = parseIp(text);
    if (ip === undefined || !linkLocalSubnets.some((subnet) => contains(subnet, ip)))
      throw new Failure("invalid", `invalid link local IP address: ${text}`);
    if (ip.family === 6 && !hasIpv6)
      throw new Failure("invalid", `link local IP address ${text} needs a network with IPv6`);
    return { address: formatIp(ip), prefix: ip.family === 4 ? 16 : 64 };
  });
  return { linkLocal };
}

/** The kernel would take no address, and have no route: there is nothing to be shown. */
function isIpv6Off({ sysctls = {} }: ConnectRequest, interfaceName: string): boolean {
  const off = ["all", "IFNAME", interfaceName].map((each) => sysctls[`net.ipv6.conf.${each}.disable_ipv6`]);
  return off.includes("1");
}

function sysctlsOf({ sysctls = {} }: ConnectRequest, interfaceName: string): Pick<Endpoint, "sysctls"> {
  const own = Object.entries(sysctls)
    .map(([name, value]) => [name.replace(".IFNAME.", `.${interfaceName}.`), value] as const)
    .filter(([name]) => name.includes(`.${interfaceName}.`));
  return own.length === 0 ? {} : { sysctls: Object.fromEntries(own) };
}

/** Docker finds a container by the beginning of its id, too. */
function aliasesOf(network: StoredNetwork, { aliases = [], containerId }: ConnectRequest): string[] {
  return hasNames(network) ? [...new Set([...aliases, containerId.slice(0, 12)])] : [];
}

function nextInterface({ definition }: StoredNetwork, own: readonly Endpoint[]): string {
  const { interfacePrefix } = bridgeOptions(definition.options);
  const names = new Set(own.map(({ interfaceName }) => interfaceName));
  for (let i = 0; ; i++) if (!names.has(`${interfacePrefix}${i}`)) return `${interfacePrefix}${i}`;
}

/** Docker's: an address that is used again comes with the MAC that the neighbours remember. */
function macOf(ipv4: string): string {
  const bytes = ipv4.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["02", "42", ...bytes].join(":");
}

async function portsOf(
  network: StoredNetwork,
  request: ConnectRequest,
  endpoints: readonly Endpoint[],
  id: string,
  ipv6: PortAllocation["ipv6"],
): Promise<Endpoint["ports"]> {
  const { internal, options } = network.definition;
  // As in dockerd: an internal network publishes nothing.
  if (internal || request.ports === undefined || request.ports.length === 0) return [];
  const own = endpoints.filter((one) => one.containerId === request.containerId);
  try {
    return await allocatePorts({
      requests: request.ports,
      // The container's own ports may be published by several of its networks: the first one that is there serves them.
      taken: endpoints.filter((one) => !own.includes(one)).flatMap(({ ports }) => ports),
      own: own.find(({ ports }) => ports.length > 0)?.ports ?? [],
      hostBinding: bridgeOptions(options).hostBinding,
      ipv6,
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const where = `driver failed programming external connectivity on endpoint ${request.containerName} (${id})`;
    throw new Failure(error.kind, `${where}: ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
