/** From what the user asked of a network's addresses to what it has. */
import { Failure } from "../errors.ts";
import { electIpv4Subnet, electIpv6Subnet } from "./elect_subnet.ts";
import { formatIp, type IpAddress, parseIp } from "./ip_address.ts";
import type { AddressPools } from "./network_defaults.ts";
import type { StoredPool } from "./network_state.ts";
import { contains, formatSubnet, overlaps, parseSubnet, type Subnet } from "./subnet.ts";
import type { IpamConfig } from "./types.ts";

export interface PoolPlan {
  /** As dockerd shows it: what the user said, and what was chosen in full. */
  readonly config: readonly IpamConfig[];
  readonly pools: readonly StoredPool[];
}

export interface PoolRequest {
  readonly networkId: string;
  readonly config: readonly Partial<IpamConfig>[];
  readonly enableIPv6: boolean;
  /** Subnets of the root's other networks: none may touch them. */
  readonly networks: readonly Subnet[];
  /** What the host reaches already: chosen subnets keep away from it, named ones need not (as dockerd has it). */
  readonly host: readonly Subnet[];
  /** Where chosen subnets are; default: dockerd's. */
  readonly from?: readonly AddressPools[] | undefined;
}

/**
 * At most one subnet of each family: Docker's API takes more, and its bridge driver uses the first.
 * @throws Failure("invalid" | "denied" | "not-found") with Docker's texts
 */
export function planPools(request: PoolRequest): PoolPlan {
  const named = request.config.filter(({ subnet }) => subnet !== undefined && subnet !== "");
  const config = named.map((one) => checkConfig(one, request.networks));
  const families = config.map(familyOf);
  if (new Set(families).size < families.length) {
    throw new Failure("denied", "bridge driver doesn't support multiple subnets");
  }
  const used = [
    ...request.networks,
    ...request.host,
    ...config.map(({ subnet }) => parseSubnet(subnet) as Subnet),
  ];
  const elected: IpamConfig[] = [];
  if (!families.includes(4)) elected.push(chosen(electIpv4Subnet(used, request.from)));
  if (request.enableIPv6 && !families.includes(6))
    elected.push(chosen(electIpv6Subnet(request.networkId, used)));
  const all = [...config, ...elected].sort((one, other) => familyOf(one) - familyOf(other));
  // An IPv6 subnet is kept, and not used, without --ipv6.
  const inUse = all.filter((one) => request.enableIPv6 || familyOf(one) === 4);
  return { config: all, pools: inUse.map((one) => toPool(one, elected.includes(one))) };
}

function familyOf({ subnet }: IpamConfig): 4 | 6 {
  return (parseSubnet(subnet) as Subnet).family;
}

function checkConfig(config: Partial<IpamConfig>, networks: readonly Subnet[]): IpamConfig {
  const { subnet: text = "", gateway, ipRange, auxAddresses } = config;
  const subnet = parseSubnet(text);
  if (subnet === undefined)
    throw new Failure("invalid", `Invalid subnet ${text} : invalid CIDR address: ${text}`);
  if (networks.some((other) => overlaps(other, subnet))) {
    throw new Failure("denied", "Pool overlaps with other one on this address space");
  }
  const range = ipRange ? parseSubnet(ipRange) : undefined;
  if (ipRange && (range === undefined || !isInside(range, subnet))) {
    throw new Failure("invalid", `no matching subnet for range ${ipRange}`);
  }
  if (gateway) checkInside(gateway, subnet, `no matching subnet for gateway ${gateway}`);
  for (const address of Object.values(auxAddresses ?? {}))
    checkInside(address, subnet, `no matching subnet for aux-address ${address}`);
  return {
    subnet: text,
    ...(ipRange ? { ipRange } : {}),
    ...(gateway ? { gateway } : {}),
    ...(auxAddresses && Object.keys(auxAddresses).length > 0 ? { auxAddresses } : {}),
  };
}

/** Whether all of one is in the other. */
export function isInside(inner: Subnet, outer: Subnet): boolean {
  return overlaps(inner, outer) && inner.bits >= outer.bits;
}

function checkInside(text: string, subnet: Subnet, message: string): void {
  const ip = parseIp(text);
  if (ip === undefined || !contains(subnet, ip)) throw new Failure("invalid", message);
}

function chosen(subnet: Subnet): IpamConfig {
  return { subnet: formatSubnet(subnet), gateway: formatIp(firstOf(subnet)) };
}

/** The smallest subnets have no address to spare for the network itself. */
function firstOf(subnet: Subnet): IpAddress {
  const spared = subnet.bits < (subnet.family === 4 ? 31 : 128) ? 1n : 0n;
  return { family: subnet.family, value: subnet.base + spared };
}

function toPool(config: IpamConfig, elected: boolean): StoredPool {
  const { subnet: text, gateway, ipRange, auxAddresses } = config;
  const subnet = parseSubnet(text) as Subnet;
  const range = ipRange ? (parseSubnet(ipRange) as Subnet) : undefined;
  return {
    subnet: formatSubnet(subnet),
    // The first address of the range, where one is given, as dockerd has it.
    gateway: gateway ?? formatIp(gatewayOf(range ?? subnet, subnet)),
    ...(range === undefined ? {} : { range: formatSubnet(range) }),
    reserved: Object.values(auxAddresses ?? {}),
    elected,
  };
}

function gatewayOf(range: Subnet, subnet: Subnet): IpAddress {
  return range.base === subnet.base ? firstOf(range) : { family: range.family, value: range.base };
}
