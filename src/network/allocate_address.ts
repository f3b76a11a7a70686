/** The next address of a pool. Pure: who holds which is the caller's knowledge. */
import { Failure } from "../errors.ts";
import { formatIp, type IpAddress } from "./ip_address.ts";
import { contains, lastOf, type Subnet } from "./subnet.ts";

/** A network's addresses of one family. */
export interface AddressPool {
  readonly subnet: Subnet;
  /** Where addresses that nobody asked for by name come from; default: all of the subnet. */
  readonly range?: Subnet;
  readonly gateway: IpAddress;
  /** Never given away: `--aux-address`. */
  readonly reserved: readonly IpAddress[];
}

/**
 * The lowest free address, as dockerd gives them: what was released is used again at once.
 * @param taken addresses in use, as {@link formatIp} writes them
 * @param requested this one and no other; it may lie outside of the range, but not of the subnet
 * @throws Failure("invalid" | "denied") with Docker's texts if the requested one is not of this pool or in use;
 * Failure("limit") if all are in use
 */
export function allocateAddress(
  pool: AddressPool,
  taken: ReadonlySet<string>,
  requested?: IpAddress,
): IpAddress {
  const withheld = withheldOf(pool);
  const isFree = (ip: IpAddress): boolean => !withheld.has(ip.value) && !taken.has(formatIp(ip));
  if (requested !== undefined) return checkRequested(pool, requested, isFree);
  const { subnet, range = subnet } = pool;
  for (let value = range.base; value <= lastOf(range); value++) {
    const ip = { family: subnet.family, value };
    if (isFree(ip)) return ip;
  }
  throw new Failure("limit", `no available IPv${subnet.family} addresses on this network's address pools`);
}

function withheldOf({ subnet, gateway, reserved }: AddressPool): Set<bigint> {
  const values = [gateway.value, ...reserved.map(({ value }) => value)];
  // Two addresses are for two hosts (RFC 3021).
  const isSmall = subnet.bits >= (subnet.family === 4 ? 31 : 127);
  if (!isSmall) values.push(subnet.base);
  // IPv6 has no broadcast.
  if (!isSmall && subnet.family === 4) values.push(lastOf(subnet));
  return new Set(values);
}

function checkRequested(
  pool: AddressPool,
  requested: IpAddress,
  isFree: (ip: IpAddress) => boolean,
): IpAddress {
  if (!contains(pool.subnet, requested)) {
    throw new Failure(
      "invalid",
      `Invalid address ${formatIp(requested)}: It does not belong to any of this network's subnets`,
    );
  }
  if (!isFree(requested)) throw new Failure("denied", "Address already in use");
  return requested;
}
