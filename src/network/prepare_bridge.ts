/** A network's bridge, with the gateway's addresses. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { Failure } from "../errors.ts";
import { type BridgeTools, linkNames } from "./bridge_tools.ts";
import { hostSubnets } from "./host_subnets.ts";
import { bridgeOptions } from "./network_options.ts";
import type { StoredNetwork } from "./network_state.ts";
import { overlaps, parseSubnet, type Subnet } from "./subnet.ts";

/** Interfaces that exist for the time of a network. */
export function linksOf({ definition, bridge }: Pick<StoredNetwork, "definition" | "bridge">): {
  bridge: string;
  keeper: string;
  peer: string;
} {
  const id = definition.id.slice(0, 12);
  return { bridge, keeper: `vk-${id}`, peer: `vp-${id}` };
}

/**
 * Makes the bridge if it is not there, and an interface on it that nobody uses, the keeper: netavark removes a bridge when the last
 * interface leaves it, which takes a quarter of a second, and dockerd's bridges live as long as their networks.
 * The keeper is a veth pair, which containers need in any case; not every kernel has dummy interfaces. It comes last, so that it says of the whole that it is complete, and ours.
 * @throws Failure("conflict"): something else has that name or those addresses; ("unavailable"); what netavark said
 */
export async function prepareBridge(network: StoredNetwork, tools: BridgeTools): Promise<void> {
  const { bridge, keeper, peer } = linksOf(network);
  const links = linkNames();
  // A kill may have come between the links and their settings.
  if (links.has(bridge) && links.has(keeper)) return applySettings(network);
  const obstacle = obstacleTo(network);
  if (obstacle !== undefined) throw new Failure("conflict", obstacle);
  const { mtu } = bridgeOptions(network.definition.options);
  const size = mtu === undefined ? "" : ` mtu ${mtu}`;
  const lines = [
    ...(links.has(keeper) ? [`link del dev ${keeper}`] : []),
    ...(links.has(bridge) ? [`link del dev ${bridge}`] : []),
    `link add name ${bridge} address ${bridgeMac(network)}${size} type bridge`,
    ...network.pools.map((pool) => `addr add ${gatewayWithPrefix(pool)} dev ${bridge}`),
    `link set dev ${bridge} up`,
    `link add name ${keeper} master ${bridge}${size} type veth peer name ${peer}${size}`,
  ];
  try {
    await tools.ip(lines);
  } catch (error) {
    await tools.ip([`link del dev ${bridge}`]).catch(() => undefined);
    throw error;
  }
  applySettings(network);
}

/** What is no property of links. Synchronous: /proc/sys/net is that of the thread, and Node's others need not be where this one is. */
function applySettings({ bridge, definition }: StoredNetwork): void {
  const { enableIPv6, internal } = definition;
  if (enableIPv6) writeFileSync(`/proc/sys/net/ipv6/conf/${bridge}/accept_ra`, "0");
  if (internal) writeFileSync(`/proc/sys/net/ipv4/conf/${bridge}/forwarding`, "0");
  if (internal && enableIPv6) writeFileSync(`/proc/sys/net/ipv6/conf/${bridge}/forwarding`, "0");
}

/** Why the bridge cannot be made; undefined: it can. */
export function obstacleTo(network: StoredNetwork): string | undefined {
  const { bridge } = network;
  const { name, id } = network.definition;
  // An unfinished bridge with a name that only this network can have is our own.
  if (linkNames().has(bridge) && bridge !== `br-${id.slice(0, 12)}`)
    return `network ${name} needs an interface ${bridge}, and there is another one of that name`;
  const host = hostSubnets();
  for (const { subnet } of network.pools) {
    if (!linkNames().has(bridge) && host.some((used) => equal(used, parseSubnet(subnet) as Subnet)))
      return `network ${name} has the addresses ${subnet}, which the host reaches in another way`;
  }
  return undefined;
}

/** Named subnets may lie within others, as dockerd permits; the very same one twice leads nowhere. */
function equal(one: Subnet, other: Subnet): boolean {
  return overlaps(one, other) && one.bits === other.bits;
}

/** Fixed, or it would change with the interfaces on the bridge and neighbours would lose it. */
function bridgeMac({ definition }: StoredNetwork): string {
  const hash = createHash("sha256").update(definition.id).digest("hex");
  return `02:42:${hash.slice(0, 8).match(/../g)?.join(":")}`;
}

function gatewayWithPrefix({ subnet, gateway }: { subnet: string; gateway: string }): string {
  const bits = subnet.slice(subnet.indexOf("/"));
  return `${gateway}${bits}${gateway.includes(":") ? " nodad" : ""}`;
}
