/** `--subnet`, `--ip-range`, `--gateway`, `--aux-address` of `network create`, which belong together by their addresses. */
import { BlockList, isIP } from "node:net";
import { Failure } from "../../errors.ts";

export interface IpamFlagValues {
  readonly subnet: readonly string[];
  readonly "ip-range": readonly string[];
  readonly gateway: readonly string[];
  readonly "aux-address": ReadonlyMap<string, string>;
}

interface Pool {
  subnet: string;
  ipRange?: string;
  gateway?: string;
  auxAddresses?: Record<string, string>;
}

/** @throws Failure("invalid") in docker/cli's words (cli/command/network/create.go, `consolidateIpam`) */
export function ipamPools(flags: IpamFlagValues): Pool[] {
  const { subnet, gateway, "ip-range": ranges, "aux-address": aux } = flags;
  if (subnet.length < ranges.length || subnet.length < gateway.length)
    throw new Failure("invalid", "every ip-range or gateway must have a corresponding subnet");
  const pools = subnet.map((text): Pool => ({ subnet: text }));
  const poolOf = (address: string, what: string): Pool => {
    const pool = pools.find((one) => contains(one.subnet, address));
    if (pool === undefined) throw new Failure("invalid", `no matching subnet for ${what} ${address}`);
    return pool;
  };
  for (const range of ranges) {
    const pool = poolOf(range, "range");
    if (pool.ipRange !== undefined)
      throw new Failure(
        "invalid",
        `cannot configure multiple ranges (${range}, ${pool.ipRange}) on the same subnet (${pool.subnet})`,
      );
    pool.ipRange = range;
  }
  for (const address of gateway) {
    const pool = poolOf(address, "gateway");
    if (pool.gateway !== undefined)
      throw new Failure(
        "invalid",
        `cannot configure multiple gateways (${address}, ${pool.gateway}) for the same subnet (${pool.subnet})`,
      );
    pool.gateway = address;
  }
  for (const [name, address] of aux) {
    const pool = poolOf(address, "aux-address");
    pool.auxAddresses = { ...pool.auxAddresses, [name]: address };
  }
  return pools;
}

function contains(subnet: string, text: string): boolean {
  const [network = "", prefix = ""] = subnet.split("/");
  const [address = ""] = text.split("/");
  const family = isIP(address);
  if (family === 0 || isIP(network) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  const name = family === 4 ? "ipv4" : "ipv6";
  if (Number(prefix) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), name);
  return list.check(address, name);
}
