/**
 * An endpoint without netavark: a veth pair, addresses, routes, in 10 ms. netavark starts iptables twenty times for each
 * endpoint, to find rules that are there; where they are, and no port is published, there is nothing for it to do but this.
 */
import { writeFileSync } from "node:fs";
import { inNetworkNamespace } from "../sys/index.ts";
import { type BridgeTools, linkNames } from "./bridge_tools.ts";
import { bridgeOptions } from "./network_options.ts";
import type { StoredNetwork } from "./network_state.ts";
import { metricOf } from "./netavark_options.ts";
import type { Endpoint } from "./types.ts";

/** Whether a namespace's path can stand as a word in a line of `ip -batch`. */
export function isPlainPath(path: string): boolean {
  return /^\/[\w./:@+-]+$/.test(path);
}

/**
 * Does what `netavark setup` does for a bridge, with the same attributes.
 * @param endpoint has a `hostInterface` @throws Failure("unavailable") with the kernel's words
 */
export async function plugDirectly(
  network: StoredNetwork,
  endpoint: Endpoint & { readonly hostInterface: string },
  tools: BridgeTools,
): Promise<void> {
  const { namespace, interfaceName, hostInterface, macAddress } = endpoint;
  const { mtu, icc } = bridgeOptions(network.definition.options);
  const size = mtu === undefined ? "" : ` mtu ${mtu}`;
  const outer = `name ${hostInterface}${size} master ${network.bridge} type veth`;
  const inner = `name ${interfaceName} address ${macAddress}${size} netns ${namespace}`;
  await tools.ip([
    `link add ${outer} peer ${inner}`,
    ...(icc ? [] : [`link set dev ${hostInterface} type bridge_slave isolated on`]),
    `link set dev ${hostInterface} up`,
  ]);
  // The program starts in the thread's namespace, which is left at once.
  await inNetworkNamespace(namespace, () => {
    refuseAdvertisements(interfaceName);
    return tools.ip(innerLines(endpoint));
  });
}

/** Its other end goes with it. One that is gone, as with its namespace, is no error. */
export async function unplugDirectly(hostInterface: string, tools: BridgeTools): Promise<void> {
  if (!linkNames().has(hostInterface)) return;
  try {
    await tools.ip([`link del dev ${hostInterface}`]);
  } catch (error) {
    // The kernel may have been just about to remove it with its namespace.
    if (linkNames().has(hostInterface)) throw error;
  }
}

function innerLines({ interfaceName, ipv4, ipv6 }: Endpoint): string[] {
  const route = `dev ${interfaceName} proto static metric ${metricOf(interfaceName)}`;
  return [
    `addr add ${ipv4.address}/${ipv4.prefix} brd + dev ${interfaceName}`,
    ...(ipv6 === undefined ? [] : [`addr add ${ipv6.address}/${ipv6.prefix} dev ${interfaceName} nodad`]),
    `link set dev ${interfaceName} up`,
    ...(ipv4.gateway === undefined ? [] : [`route add default via ${ipv4.gateway} ${route}`]),
    ...(ipv6?.gateway === undefined ? [] : [`route add default via ${ipv6.gateway} ${route}`]),
  ];
}

/** Addresses come from us alone. Without IPv6 in the kernel there is no such file. */
function refuseAdvertisements(interfaceName: string): void {
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${interfaceName}/autoconf`, "0");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
