/**
 * An endpoint: a veth pair, addresses, routes, by netlink in 3 ms. netavark, which makes the rules of networks, would start
 * iptables twenty times for each endpoint, to find rules that are there.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Failure } from "../errors.ts";
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
import { bridgePort, defaultRoute, newAddress, newVeth, raiseLink } from "./link_requests.ts";
import type { StoredNetwork } from "./network_state.ts";
import type { Endpoint } from "./types.ts";

/** Connects the namespace to the bridge. @throws SysError */
export function plugDirectly(network: StoredNetwork, endpoint: Endpoint): void {
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
    settleIpv6(endpoint);
    askKernel(innerRequests(endpoint));
    for (const [name, value] of Object.entries(endpoint.sysctls ?? {})) setSysctl(name, value);
  });
  // Where bridged packets pass through iptables (net.bridge.bridge-nf-call-iptables), one that a container sends to its own
  // published port is turned round within the bridge.
  const flags = { isolated: !icc, hairpin: endpoint.ports.length > 0 };
  if (flags.isolated || flags.hairpin) askKernel([bridgePort(interfaceIndex(hostInterface), flags)]);
}

/**
 * Gives a container's namespace its default routes. The one of an interface that has gone went with it.
 * @param own its endpoints, the way out first @throws SysError
 */
export function leadOut(own: readonly Endpoint[]): void {
  const [{ namespace } = { namespace: "" }] = own;
  const ways = [
    own.find(({ ipv4 }) => ipv4.gateway !== undefined),
    own.find(({ ipv6 }) => ipv6?.gateway !== undefined),
  ];
  const [ipv4, ipv6] = [ways[0]?.ipv4.gateway, ways[1]?.ipv6?.gateway];
  if (ipv4 === undefined && ipv6 === undefined) return;
  inNetworkNamespace(namespace, () => {
    const routes = [ipv4, ipv6].map((gateway, i) =>
      gateway === undefined ? [] : [defaultRoute(interfaceIndex(ways[i]?.interfaceName ?? ""), gateway)],
    );
    askKernel(routes.flat());
  });
}

/** Its other end goes with it. One that is gone, as with its namespace, is no error. */
export async function unplugDirectly(hostInterface: string, tools: BridgeTools): Promise<void> {
  if (!linkNames().has(hostInterface)) return;
  try {
    // The kernel takes its time, 20 ms, for which this thread would stand still.
    await tools.ip([`link del dev ${hostInterface}`]);
  } catch (error) {
    // The kernel may have been just about to remove it with its namespace.
    if (linkNames().has(hostInterface)) throw error;
  }
}

function innerRequests({ interfaceName, ipv4, ipv6, linkLocal = [] }: Endpoint): NetlinkRequest[] {
  const index = interfaceIndex(interfaceName);
  const addresses = [ipv4, ...(ipv6 === undefined ? [] : [ipv6]), ...linkLocal];
  return [...addresses.map(({ address, prefix }) => newAddress(index, address, prefix)), raiseLink(index)];
}

/** In the container's namespace. @throws Failure("invalid") */
function setSysctl(name: string, value: string): void {
  const path = `/proc/sys/${name.replaceAll(".", "/")}`;
  try {
    // Not to be written where it is so already: it may be read-only.
    if (readFileSync(path, "utf8").trim() !== value) writeFileSync(path, value);
  } catch (cause) {
    throw new Failure("invalid", `unable to write to '${path}': ${(cause as Error).message}`, { cause });
  }
}

/** Addresses come from us alone: no advertised ones, and without any no way round by link-local ones. */
function settleIpv6({ interfaceName, ipv6 }: Endpoint): void {
  const setting = ipv6 === undefined ? ["disable_ipv6", "1"] : ["autoconf", "0"];
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${interfaceName}/${setting[0]}`, setting[1] as string);
  } catch (error) {
    // No IPv6 in the kernel.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
