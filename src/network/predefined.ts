/** The three networks that are always there. */
import { randomBytes } from "node:crypto";
import { hostSubnets } from "./host_subnets.ts";
import {
  checkGateway,
  gatewayName,
  subnetDefaults,
  type NetworkDefaults,
  type SubnetDefaults,
} from "./network_defaults.ts";
import type { NetworkState, StoredNetwork } from "./network_state.ts";
import { planPools, type PoolPlan } from "./plan_pools.ts";
import { formatSubnet, isOfFamily, parseSubnet, type Subnet } from "./subnet.ts";
import type { IpamConfig, NetworkDefinition, NetworkDriver } from "./types.ts";

export const predefinedNames: ReadonlySet<string> = new Set(["bridge", "host", "none"]);

export const defaultBridgeName = "varve0";

/** Makes `bridge`, `host` and `none` in a root that has none yet. */
export async function ensurePredefined(state: NetworkState): Promise<void> {
  if (state.read().networks.length > 0) return;
  await using records = await state.lock();
  if (records.networks.length > 0) return;
  records.networks = [
    defaultBridge(definition("bridge", "bridge"), defaultBridgeName, [], state.defaults),
    { definition: definition("host", "host"), pools: [], bridge: "" },
    { definition: definition("none", "null"), pools: [], bridge: "" },
  ];
  await records.save();
}

function definition(name: string, driver: NetworkDriver): NetworkDefinition {
  return {
    id: randomBytes(32).toString("hex"),
    name,
    driver,
    scope: "local",
    created: new Date().toISOString(),
    internal: false,
    attachable: false,
    enableIPv6: false,
    ipam: { driver: "default", options: null, config: [] },
    options: {},
    labels: {},
  };
}

/**
 * The default network with an interface of that name, and addresses that are free now: those of its definition may have
 * been taken by others meanwhile.
 * @param others the root's other networks
 */
export function defaultBridge(
  old: NetworkDefinition,
  bridge: string,
  others: Parameters<typeof planPools>[0]["networks"],
  defaults: NetworkDefaults,
): StoredNetwork {
  const { id } = old;
  const { icc = true, publishAddress = "0.0.0.0", mtu, ipv6 = false, masquerade = true } = defaults;
  const plan = planPools({
    networkId: id,
    config: subnetDefaults(defaults).flatMap(namedSubnet),
    from: defaults.pools,
    enableIPv6: ipv6,
    networks: others,
    host: hostSubnets(),
  });
  const { config, pools } = subnetDefaults(defaults).reduce(withGateway, plan);
  const options = {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.bridge.enable_icc": String(icc),
    "com.docker.network.bridge.enable_ip_masquerade": String(masquerade),
    "com.docker.network.bridge.host_binding_ipv4": publishAddress,
    "com.docker.network.bridge.name": bridge,
    "com.docker.network.driver.mtu": String(mtu || 1500),
  };
  const definition = { ...old, enableIPv6: ipv6, ipam: { ...old.ipam, config }, options };
  return { definition, pools, bridge };
}

/** What the operator has said about a subnet. */
function namedSubnet({ family, address, range }: SubnetDefaults): Partial<IpamConfig>[] {
  const text = address ?? range;
  if (text === undefined) return [];
  const [gateway = ""] = (address ?? "").split("/");
  // Without a bridge's address dockerd takes `fixed-cidr-v6` for the subnet, and for no range of it.
  const isPart = range !== undefined && (family === 4 || address !== undefined);
  return [
    {
      subnet: formatSubnet(parseSubnet(text) as Subnet),
      ...(gateway !== "" && { gateway }),
      ...(isPart && { ipRange: formatSubnet(parseSubnet(range) as Subnet) }),
    },
  ];
}

/** An address that is kept free of containers, and leads them out. @throws Failure("invalid") for one elsewhere */
function withGateway(plan: PoolPlan, { family, gateway }: SubnetDefaults): PoolPlan {
  if (gateway === undefined) return plan;
  const config = plan.config.map((one) => {
    if (!isOfFamily(one, family)) return one;
    checkGateway(family, gateway, parseSubnet(one.subnet) as Subnet, one.subnet);
    return { ...one, auxAddresses: { [gatewayName(family)]: gateway } };
  });
  const pools = plan.pools.map((pool) =>
    isOfFamily(pool, family) ? { ...pool, reserved: [gateway] } : pool,
  );
  return { config, pools };
}
