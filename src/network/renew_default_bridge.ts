/** The default network by other defaults than those that it was made by. */
import type { BridgeTools } from "./bridge_tools.ts";
import type { NetworkRecords, NetworkState, StoredNetwork } from "./network_state.ts";
import { defaultBridge } from "./predefined.ts";
import { removeBridge } from "./remove_bridge.ts";
import { formatSubnet, parseSubnet } from "./subnet.ts";
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
  const renewed = defaultBridge(network.definition, network.bridge, subnetsOf(others), state.defaults);
  records.networks = records.networks.map((other) => (other === network ? renewed : other));
  records.ruled = records.ruled.filter((other) => other !== id);
  records.settled = records.settled.filter((other) => other !== id);
  await records.save();
}

function outdated({ defaults }: NetworkState, records: NetworkRecords): StoredNetwork | undefined {
  const network = records.networks.find(({ definition }) => definition.name === "bridge");
  if (network === undefined) return undefined;
  const { id, options, ipam } = network.definition;
  const [pool] = network.pools;
  const { bridgeAddress, addressRange, mtu = 0, icc = true } = defaults;
  const { publishAddress = "0.0.0.0" } = defaults;
  const has = `${pool?.gateway}/${pool?.subnet.split("/")[1]}`;
  const fits =
    (bridgeAddress === undefined || bridgeAddress === has) &&
    (addressRange === undefined || sameSubnet(addressRange, ipam.config[0]?.ipRange)) &&
    options["com.docker.network.bridge.enable_icc"] === String(icc) &&
    options["com.docker.network.bridge.host_binding_ipv4"] === publishAddress &&
    (mtu === 0 || options["com.docker.network.driver.mtu"] === String(mtu));
  return fits || records.endpoints.some(({ networkId }) => networkId === id) ? undefined : network;
}

function sameSubnet(text: string, has: string | undefined): boolean {
  const subnet = parseSubnet(text);
  return subnet !== undefined && formatSubnet(subnet) === has;
}
