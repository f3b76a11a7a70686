/** The end of a network's bridge and rules. */
import { allocateAddress } from "./allocate_address.ts";
import { addressPool } from "./address_pool.ts";
import { type BridgeTools, linkNames } from "./bridge_tools.ts";
import { formatIp } from "./ip_address.ts";
import { netavarkOptions } from "./netavark_options.ts";
import type { StoredNetwork } from "./network_state.ts";
import { linksOf } from "./prepare_bridge.ts";
import { withStandIn } from "./stand_in.ts";
import { takenAddresses } from "./taken_addresses.ts";
import type { Endpoint, EndpointAddress } from "./types.ts";

/** Networks with rules, and all endpoints. */
export interface Others {
  readonly networks: readonly StoredNetwork[];
  readonly endpoints: readonly Endpoint[];
}

/**
 * netavark takes back a network's rules together with the last interface on its bridge, and at no other time. So one more
 * endpoint, of no container, comes and goes.
 * @param ruled whether there are rules
 * @param others what keeps its rules
 * @throws Failure
 */
export async function removeBridge(
  network: StoredNetwork,
  ruled: boolean,
  others: Others,
  tools: BridgeTools,
): Promise<void> {
  const { bridge, keeper } = linksOf(network);
  if (ruled && linkNames().has(bridge)) {
    const options = optionsFor(network, [], true);
    await passThrough(options, tools, () => removeLinks([keeper], tools));
    await restoreIsolation(others, tools);
  }
  await removeLinks([keeper, bridge], tools);
}

async function removeLinks(names: readonly string[], tools: BridgeTools): Promise<void> {
  const links = linkNames();
  const left = names.filter((name) => links.has(name));
  if (left.length > 0) await tools.ip(left.map((name) => `link del dev ${name}`));
}

/**
 * With one isolated network netavark 1.4 removes the one rule by which all of them are isolated
 * (src/firewall/varktables/types.rs, get_network_chains); the next endpoint of any brings it back, in each family.
 */
async function restoreIsolation({ networks, endpoints }: Others, tools: BridgeTools): Promise<void> {
  const links = linkNames();
  const up = networks.filter(({ bridge }) => links.has(bridge));
  const network = up.find(({ pools }) => pools.length > 1) ?? up[0];
  if (network === undefined) return;
  await passThrough(optionsFor(network, endpoints, false), tools, async () => undefined);
}

function optionsFor(network: StoredNetwork, endpoints: readonly Endpoint[], ports: boolean): object {
  return netavarkOptions(network, passer(network, endpoints), ports);
}

/** An endpoint comes and goes, and in between something is done. */
async function passThrough(options: object, tools: BridgeTools, between: () => Promise<void>): Promise<void> {
  await withStandIn(tools.directory, async (namespace) => {
    await tools.netavark("setup", namespace, options);
    await between();
    await tools.netavark("teardown", namespace, options);
  });
}

function passer(network: StoredNetwork, endpoints: readonly Endpoint[]): Endpoint {
  const taken = takenAddresses(network, endpoints);
  const [ipv4, ipv6] = network.pools.map(addressPool).map((pool) => ({
    address: formatIp(allocateAddress(pool, taken)),
    prefix: pool.subnet.bits,
  }));
  return {
    id: "",
    networkId: network.definition.id,
    containerId: "0".repeat(64),
    containerName: "nobody",
    namespace: "",
    interfaceName: "eth0",
    macAddress: "02:42:00:00:00:01",
    ipv4: ipv4 as EndpointAddress,
    ...(ipv6 === undefined ? {} : { ipv6 }),
    aliases: [],
    links: [],
    ports: [],
    dns: [],
  };
}
