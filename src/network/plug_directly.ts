/**
 * An endpoint without netavark: a veth pair, addresses, routes, in 3 ms. netavark starts iptables twenty times for each
 * endpoint, to find rules that are there; where they are, and no port is published, there is nothing for it to do but this.
 */
import { writeFileSync } from "node:fs";
import {
  askKernel,
  AT_FDCWD,
  close,
  inNetworkNamespace,
  interfaceIndex,
  type NetlinkRequest,
  O_CLOEXEC,
  O_RDONLY,
  openAt,
} from "../sys/index.ts";
import { type BridgeTools, linkNames } from "./bridge_tools.ts";
import { bridgeOptions } from "./network_options.ts";
import { newAddress, newDefaultRoute, newVeth, raiseLink } from "./link_requests.ts";
import type { StoredNetwork } from "./network_state.ts";
import { metricOf } from "./netavark_options.ts";
import type { Endpoint } from "./types.ts";

/** Whether a namespace's path can stand as a word in a line of `ip -batch`. */
export function isPlainPath(path: string): boolean {
  return /^\/[\w./:@+-]+$/.test(path);
}

/**
 * Does what `netavark setup` does for a bridge, with the same attributes.
 * @param endpoint has a `hostInterface` @throws SysError
 */
export async function plugDirectly(
  network: StoredNetwork,
  endpoint: Endpoint & { readonly hostInterface: string },
  tools: BridgeTools,
): Promise<void> {
  const { namespace, interfaceName, hostInterface, macAddress } = endpoint;
  const { mtu, icc } = bridgeOptions(network.definition.options);
  const inside = openAt(AT_FDCWD, namespace, O_RDONLY | O_CLOEXEC);
  try {
    const bridge = interfaceIndex(network.bridge);
    const ends = { outer: hostInterface, inner: interfaceName, innerMac: macAddress };
    askKernel([newVeth({ ...ends, bridge, namespace: inside, mtu })]);
  } finally {
    close(inside);
  }
  inNetworkNamespace(namespace, () => {
    refuseAdvertisements(interfaceName);
    askKernel(innerRequests(endpoint));
  });
  if (!icc) await tools.ip([`link set dev ${hostInterface} type bridge_slave isolated on`]);
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

function innerRequests({ interfaceName, ipv4, ipv6 }: Endpoint): NetlinkRequest[] {
  const index = interfaceIndex(interfaceName);
  const addresses = ipv6 === undefined ? [ipv4] : [ipv4, ipv6];
  const metric = metricOf(interfaceName);
  return [
    ...addresses.map(({ address, prefix }) => newAddress(index, address, prefix)),
    raiseLink(index),
    ...addresses.flatMap(({ gateway }) =>
      gateway === undefined ? [] : [newDefaultRoute(index, gateway, metric)],
    ),
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
