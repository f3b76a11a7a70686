/** A network's rules, which netavark makes with the first interface on its bridge, and takes back with the last. */
import { type BridgeTools, linkNames } from "./bridge_tools.ts";
import { netavarkOptions } from "./netavark_options.ts";
import type { StoredNetwork } from "./network_state.ts";
import { withStandIn } from "./stand_in.ts";

/** Makes them, or finds that they stand, in 70 ms. The bridge is there. @throws Failure */
export async function makeRules(network: StoredNetwork, tools: BridgeTools): Promise<void> {
  await withStandIn(tools, (namespace) => tools.netavark("setup", namespace, netavarkOptions(network)));
}

/**
 * Takes them back. @param removeOthers takes away whatever else is on the bridge
 * @param kept networks that keep their rules @throws Failure
 */
export async function takeBackRules(
  network: StoredNetwork,
  kept: readonly StoredNetwork[],
  tools: BridgeTools,
  removeOthers: () => Promise<void>,
): Promise<void> {
  await withStandIn(tools, async (namespace) => {
    await tools.netavark("setup", namespace, netavarkOptions(network));
    await removeOthers();
    await tools.netavark("teardown", namespace, netavarkOptions(network));
  });
  await restoreIsolation(kept, tools);
}

/**
 * With one isolated network netavark 1.4 removes the one rule by which all of them are isolated
 * (src/firewall/varktables/types.rs, get_network_chains); the rules of any other bring it back, in each family.
 */
async function restoreIsolation(kept: readonly StoredNetwork[], tools: BridgeTools): Promise<void> {
  const links = linkNames();
  const up = kept.filter(({ bridge }) => links.has(bridge));
  const network = up.find(({ pools }) => pools.length > 1) ?? up[0];
  if (network !== undefined) await makeRules(network, tools);
}
