/** The default network by other defaults than those that it was made by. */
import type { BridgeTools } from "./bridge_tools.ts";
import type { NetworkRecords, NetworkState, StoredNetwork } from "./network_state.ts";
import { gatewayName, subnetDefaults, type SubnetDefaults } from "./network_defaults.ts";
import { defaultBridge } from "./predefined.ts";
import { removeBridge } from "./remove_bridge.ts";
import { formatSubnet, isOfFamily, parseSubnet } from "./subnet.ts";
import { subnetsOf } from "./subnets_of.ts";

/**
 * dockerd makes it anew at each start, unless containers run (`live-restore`). Here it is made anew where the defaults name
 * something else than it has, and nobody is in it.
 */
export async function renewDefaultBridge(state: NetworkState, tools: BridgeTools): Promise<void> {
  if (outdated(state, state.read()) === undefined) return;
  await using records = await state.lock();
  const network = outdated(state, records);
  if (network === undefined) return;
  const { id } = network.definition;
  const others = records.networks.filter((other) => other !== network);
  await removeBridge(network, records, tools);
  records.ruled = records.ruled.filter((other) => other !== id);
  records.settled = records.settled.filter((other) => other !== id);
  try {
    const renewed = defaultBridge(network.definition, network.bridge, subnetsOf(others), state.defaults);
    records.networks = records.networks.map((other) => (other === network ? renewed : other));
  } finally {
    await records.save();
  }
}

function outdated({ defaults }: NetworkState, records: NetworkRecords): StoredNetwork | undefined {
  const network = records.networks.find(({ definition }) => definition.name === "bridge");
  if (network === undefined) return undefined;
  const { id, options, enableIPv6 } = network.definition;
  const { ipv6 = false, mtu = 0, icc = true, masquerade = true, publishAddress = "0.0.0.0" } = defaults;
  const bridge = "com.docker.network.bridge";
  const fits =
    enableIPv6 === ipv6 &&
    subnetDefaults(defaults).every((one) => fitsSubnet(one, network)) &&
    options[`${bridge}.enable_icc`] === String(icc) &&
    options[`${bridge}.enable_ip_masquerade`] === String(masquerade) &&
    options[`${bridge}.host_binding_ipv4`] === publishAddress &&
    (mtu === 0 || options["com.docker.network.driver.mtu"] === String(mtu));
  return fits || records.endpoints.some(({ networkId }) => networkId === id) ? undefined : network;
}

/** What nobody names stays as it was chosen once. */
function fitsSubnet(
  { family, address, range, gateway }: SubnetDefaults,
  { definition, pools }: StoredNetwork,
): boolean {
  const config = definition.ipam.config.find((one) => isOfFamily(one, family));
  const pool = pools.find((one) => isOfFamily(one, family));
  if (config === undefined) return (address ?? range) === undefined;
  const bits = config.subnet.split("/")[1];
  return (
    (address === undefined || address === `${pool?.gateway ?? config.gateway}/${bits}`) &&
    (range === undefined || sameSubnet(range, config.ipRange ?? config.subnet)) &&
    gateway === config.auxAddresses?.[gatewayName(family)]
  );
}

function sameSubnet(text: string, has: string): boolean {
  const subnet = parseSubnet(text);
  return subnet !== undefined && formatSubnet(subnet) === has;
}
