/** The three networks that are always there. */
import { randomBytes } from "node:crypto";
import { hostSubnets } from "./host_subnets.ts";
import type { NetworkDefaults } from "./network_defaults.ts";
import type { NetworkState, StoredNetwork } from "./network_state.ts";
import { planPools } from "./plan_pools.ts";
import { formatSubnet, parseSubnet, type Subnet } from "./subnet.ts";
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
    ipam: { driver: "default", options: {}, config: [] },
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
  const { icc = true, publishAddress = "0.0.0.0", mtu } = defaults;
  const { config, pools } = planPools({
    networkId: id,
    config: poolsOf(defaults),
    from: defaults.pools,
    enableIPv6: false,
    networks: others,
    host: hostSubnets(),
  });
  const options = {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.bridge.enable_icc": String(icc),
    "com.docker.network.bridge.enable_ip_masquerade": "true",
    "com.docker.network.bridge.host_binding_ipv4": publishAddress,
    "com.docker.network.bridge.name": bridge,
    "com.docker.network.driver.mtu": String(mtu || 1500),
  };
  return { definition: { ...old, ipam: { ...old.ipam, config }, options }, pools, bridge };
}

/** What the operator has said about its subnet. */
function poolsOf({ bridgeAddress, addressRange }: NetworkDefaults): Partial<IpamConfig>[] {
  const text = bridgeAddress ?? addressRange;
  if (text === undefined) return [];
  const [gateway = ""] = (bridgeAddress ?? "").split("/");
  return [
    {
      subnet: formatSubnet(parseSubnet(text) as Subnet),
      ...(gateway !== "" && { gateway }),
      ...(addressRange !== undefined && { ipRange: formatSubnet(parseSubnet(addressRange) as Subnet) }),
    },
  ];
}
