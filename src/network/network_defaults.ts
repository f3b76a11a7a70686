/** What an operator decides about networks of which their user says nothing (dockerd's `daemon.json`). */
import { Failure } from "../errors.ts";
import { parseIp } from "./ip_address.ts";
import { bridgeOptions } from "./network_options.ts";
import { isInside } from "./plan_pools.ts";
import { contains, formatSubnet, parseSubnet, type Subnet } from "./subnet.ts";

export interface NetworkDefaults {
  /** `default-address-pools`: where networks without a subnet get theirs, and the length of its prefix. */
  readonly pools?: readonly AddressPools[];
  /** `bip`: the default network's gateway with the length of its subnet's prefix, `10.1.0.1/16`. */
  readonly bridgeAddress?: string;
  /** `fixed-cidr`: the part of the default network's subnet that containers get addresses of. */
  readonly addressRange?: string;
  /** `ipv6`: whether containers of the default network have IPv6 as well; false. */
  readonly ipv6?: boolean;
  /** `bip6`: as `bridgeAddress`, `fd00:1::1/64`. */
  readonly bridgeAddress6?: string;
  /** `fixed-cidr-v6`: the part that containers get addresses of, or, without `bridgeAddress6`, the subnet. */
  readonly addressRange6?: string;
  /** `default-gateway` and `default-gateway-v6`: what leads out of the default network instead of the machine. */
  readonly gateway?: string;
  readonly gateway6?: string;
  /** `ip-masq`: whether what leaves the default network has the machine's address; true. */
  readonly masquerade?: boolean;
  /** `mtu`, of the default network. */
  readonly mtu?: number;
  /** `ip`: where ports of the default network's containers are published that name no address; 0.0.0.0. */
  readonly publishAddress?: string;
  /** `icc`: whether containers of the default network reach each other; true. */
  readonly icc?: boolean;
  /** `host-gateway-ip`: what `host-gateway` means; else the machine's address in the container's network. */
  readonly hostGateway?: string;
  /** `userland-proxy`: whether a daemon passes on what the kernel cannot; true. */
  readonly userlandProxy?: boolean;
  /** `default-network-opts` of `bridge`: options of networks that are made without them. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface AddressPools {
  readonly base: string;
  readonly size: number;
}

/** @throws Failure("invalid") in dockerd's words */
export function checkDefaults(defaults: NetworkDefaults): void {
  const { pools = [], publishAddress, hostGateway, mtu } = defaults;
  for (const pool of pools) checkPool(pool);
  for (const one of subnetDefaults(defaults)) checkSubnet(one);
  if (publishAddress !== undefined && parseIp(publishAddress)?.family !== 4)
    throw new Failure("invalid", `ip: ${publishAddress} is not an IPv4 address`);
  if (hostGateway !== undefined) checkAddress(hostGateway);
  if (mtu !== undefined && !(Number.isInteger(mtu) && (mtu === 0 || (mtu >= 68 && mtu <= 65_535))))
    throw new Failure("invalid", `invalid default MTU: ${mtu}`);
  bridgeOptions(defaults.options ?? {});
}

/** What is said of the default network's addresses of one family. */
export interface SubnetDefaults {
  readonly family: 4 | 6;
  /** The bridge's, with the length of the prefix. */
  readonly address: string | undefined;
  readonly range: string | undefined;
  readonly gateway: string | undefined;
}

export function subnetDefaults(defaults: NetworkDefaults): readonly SubnetDefaults[] {
  const { bridgeAddress, addressRange, gateway, bridgeAddress6, addressRange6, gateway6 } = defaults;
  return [
    { family: 4, address: bridgeAddress, range: addressRange, gateway },
    { family: 6, address: bridgeAddress6, range: addressRange6, gateway: gateway6 },
  ];
}

/** How a network's auxiliary address is called that leads out instead of its bridge (moby, libnetwork/drivers/bridge). */
export const gatewayName = (family: 4 | 6): string => `DefaultGatewayIPv${family}`;

/** @throws Failure("invalid") for a gateway that nobody in the subnet can reach */
export function checkGateway(family: 4 | 6, gateway: string, subnet: Subnet, text: string): void {
  const ip = parseIp(gateway);
  if (ip !== undefined && contains(subnet, ip)) return;
  throw new Failure(
    "invalid",
    `Error creating default "bridge" network: auxiliary address: (${gatewayName(family)}:${gateway}) must belong to the master pool: ${text}`,
  );
}

function checkPool({ base, size }: AddressPools): void {
  const subnet = parseSubnet(base);
  if (subnet === undefined || subnet.family !== 4)
    throw new Failure("invalid", `invalid base pool ${JSON.stringify(base)}: invalid CIDR address: ${base}`);
  if (!Number.isInteger(size) || size < subnet.bits || size > 30)
    throw new Failure("invalid", `invalid size ${size} for address pool ${base}`);
}

function checkSubnet({ family, address, range, gateway }: SubnetDefaults): void {
  const [whole, part] = [address, range].map((text) => {
    const subnet = text === undefined ? undefined : parseSubnet(text);
    if (text === undefined || subnet?.family === family) return subnet;
    throw new Failure("invalid", `invalid CIDR address: ${text}`);
  });
  if (whole !== undefined && part !== undefined && !isInside(part, whole))
    throw new Failure("invalid", `no matching subnet for range ${range}: the bridge has ${address}`);
  if (gateway === undefined) return;
  checkAddress(gateway);
  const subnet = whole ?? part;
  if (subnet !== undefined) checkGateway(family, gateway, subnet, formatSubnet(subnet));
}

function checkAddress(text: string): void {
  if (parseIp(text) === undefined) throw new Failure("invalid", `invalid IP address: ${text}`);
}
