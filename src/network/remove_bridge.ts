/** The end of a network's bridge and rules. */
import { type BridgeTools, linkNames } from "./bridge_tools.ts";
import { takeBackRules } from "./network_rules.ts";
import type { NetworkRecords, StoredNetwork } from "./network_state.ts";
import { linksOf } from "./prepare_bridge.ts";

/** @param records the network is among theirs; they are not changed @throws Failure */
export async function removeBridge(
  network: StoredNetwork,
  { networks, ruled }: Pick<NetworkRecords, "networks" | "ruled">,
  tools: BridgeTools,
): Promise<void> {
  const { bridge, keeper } = linksOf(network);
  const hasRules = ({ definition }: StoredNetwork): boolean => ruled.includes(definition.id);
  if (hasRules(network) && linkNames().has(bridge)) {
    const kept = networks.filter((other) => other !== network && hasRules(other));
    await takeBackRules(network, kept, tools, () => removeLinks([keeper], tools));
  }
  await removeLinks([keeper, bridge], tools);
}

async function removeLinks(names: readonly string[], tools: BridgeTools): Promise<void> {
  const links = linkNames();
  const left = names.filter((name) => links.has(name));
  if (left.length > 0) await tools.ip(left.map((name) => `link del dev ${name}`));
}
