/** What netavark is told (netavark 1.4 src/network/types.rs, NetworkOptions; newer ones take the same). */
import { bridgeOptions } from "./network_options.ts";
import type { StoredNetwork } from "./network_state.ts";
import type { Endpoint } from "./types.ts";

/**
 * One endpoint of one network.
 *
 * - The network goes by its id: netavark hashes the name for its chains, and the name may hold anything.
 * - Networks are isolated from each other, as dockerd's are.
 * - Each interface has a metric of its own, so the first is the way out, and the next one when that leaves.
 * - `0.0.0.0` is no destination in a rule; the empty address means all.
 * - Names are not its business: it appends to the files of aardvark-dns while that reads.
 *
 * @param ports whether chains for ports are meant even without ports
 */
export function netavarkOptions(network: StoredNetwork, endpoint: Endpoint, ports = false): object {
  const { id } = network.definition;
  const { ipv4, ipv6 } = endpoint;
  return {
    container_id: endpoint.containerId,
    container_name: endpoint.containerName,
    networks: {
      [id]: {
        static_ips: [ipv4.address, ...(ipv6 === undefined ? [] : [ipv6.address])],
        interface_name: endpoint.interfaceName,
        static_mac: endpoint.macAddress,
      },
    },
    network_info: { [id]: networkInfo(network, endpoint.interfaceName) },
    // None at all spares netavark some of its calls of iptables.
    ...(endpoint.ports.length > 0 || ports ? { port_mappings: endpoint.ports.map(portMapping) } : {}),
  };
}

function networkInfo({ definition, pools, bridge }: StoredNetwork, interfaceName: string): object {
  const { mtu } = bridgeOptions(definition.options);
  return {
    id: definition.id,
    name: definition.id,
    driver: "bridge",
    network_interface: bridge,
    internal: definition.internal,
    ipv6_enabled: definition.enableIPv6,
    dns_enabled: false,
    subnets: pools.map(({ subnet, gateway }) => ({ subnet, gateway })),
    ipam_options: { driver: "host-local" },
    options: {
      isolate: "true",
      metric: String(metricOf(interfaceName)),
      ...(mtu === undefined ? {} : { mtu: String(mtu) }),
    },
  };
}

function portMapping({ containerPort, hostIp, hostPort, protocol }: Endpoint["ports"][number]): object {
  const everywhere = hostIp === "0.0.0.0" || hostIp === "::";
  return {
    container_port: containerPort,
    host_ip: everywhere ? "" : hostIp,
    host_port: hostPort,
    protocol,
    range: 1,
  };
}

/** Of default routes: lower ones win. */
export function metricOf(interfaceName: string): number {
  return 100 + Number(/\d+$/.exec(interfaceName)?.[0] ?? 0);
}

/** Docker's rule: on the default network containers do not find each other by name. */
export function hasNames({ definition }: Pick<StoredNetwork, "definition">): boolean {
  return definition.name !== "bridge";
}
