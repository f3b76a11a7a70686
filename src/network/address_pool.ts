/** A stored pool, read. */
import type { AddressPool } from "./allocate_address.ts";
import { type IpAddress, parseIp } from "./ip_address.ts";
import type { StoredPool } from "./network_state.ts";
import { parseSubnet, type Subnet } from "./subnet.ts";

export function addressPool({ subnet, gateway, range, reserved }: StoredPool): AddressPool {
  return {
    // They were checked when the network was made.
    subnet: parseSubnet(subnet) as Subnet,
    gateway: parseIp(gateway) as IpAddress,
    ...(range === undefined ? {} : { range: parseSubnet(range) as Subnet }),
    reserved: reserved.map(parseIp).filter((ip) => ip !== undefined),
  };
}
