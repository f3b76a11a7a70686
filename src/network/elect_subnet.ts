/** A subnet for a network whose user named none. */
import { createHash } from "node:crypto";
import { Failure } from "../errors.ts";
import type { AddressPools } from "./network_defaults.ts";
import { lastOf, overlaps, parseSubnet, type Subnet } from "./subnet.ts";

/** dockerd's `default-address-pools` (moby libnetwork/ipamutils, localScopeDefaultNetworks): where, and how large. */
const usualPools: readonly AddressPools[] = [
  { base: "172.17.0.0/16", size: 16 },
  { base: "172.18.0.0/16", size: 16 },
  { base: "172.19.0.0/16", size: 16 },
  { base: "172.20.0.0/14", size: 16 },
  { base: "172.24.0.0/14", size: 16 },
  { base: "172.28.0.0/14", size: 16 },
  { base: "192.168.0.0/16", size: 20 },
];

/**
 * The first of the pools that touches nothing that is in use.
 * @param used subnets of other networks, routes and resolvers of the host
 * @throws Failure("not-found") with Docker's text, and kind, if none is left
 */
export function electIpv4Subnet(used: readonly Subnet[], pools = usualPools): Subnet {
  for (const { base: text, size: bits } of pools) {
    const pool = parseSubnet(text) as Subnet;
    const size = 1n << BigInt(32 - bits);
    for (let base = pool.base; base < lastOf(pool); base += size) {
      const subnet: Subnet = { family: 4, base, bits };
      if (!used.some((other) => overlaps(other, subnet))) return subnet;
    }
  }
  throw noPool(4);
}

/**
 * A unique local /64 (RFC 4193): fd, 40 bits that the network's id determines, subnet 0.
 * @throws Failure("not-found") if something uses it already, which chance does not bring about
 */
export function electIpv6Subnet(networkId: string, used: readonly Subnet[]): Subnet {
  const global = createHash("sha256").update(networkId).digest("hex").slice(0, 10);
  const subnet: Subnet = { family: 6, base: BigInt(`0xfd${global}`) << 80n, bits: 64 };
  if (used.some((other) => overlaps(other, subnet))) throw noPool(6);
  return subnet;
}

function noPool(family: 4 | 6): Failure {
  return new Failure(
    "not-found",
    `could not find an available, non-overlapping IPv${family} address pool among the defaults to assign to the network`,
    { hint: "name one with --subnet" },
  );
}
