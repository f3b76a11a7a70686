/** What netavark is told (netavark 1.4 src/network/types.rs, NetworkOptions; newer ones take the same). */
import { bridgeOptions } from "./network_options.ts";
import type { StoredNetwork } from "./network_state.ts";
import type { Endpoint } from "./types.ts";

export interface NetavarkRequest {
  readonly network: StoredNetwork;
  readonly endpoint: Endpoint;
  /** Whether netavark also tells aardvark-dns. */
  readonly names: boolean;
  /** Whether chains for ports are meant even without ports. */
  readonly ports?: boolean;
}

/**
 * One endpoint of one network.
 *
 * - The network goes by its id: netavark hashes the name for its chains, and aardvark-dns takes it for a file name beside
 *   its own `aardvark.pid`.
 * - Networks are isolated from each other, as dockerd's are.
 * - Each interface has a metric of its own, so the first is the way out, and the next one when that leaves.
 * - `0.0.0.0` is no destination in a rule; the empty address means all.
 */
export function netavarkOptions(request: NetavarkRequest): object {
  const { network, endpoint, names } = request;
  const { id } = network.definition;
  const { ipv4, ipv6, ports, dns } = endpoint;
  return {
    container_id: endpoint.containerId,
    container_name: endpoint.containerName,
    networks: {
      [id]: {
        static_ips: [ipv4.address, ...(ipv6 === undefined ? [] : [ipv6.address])],
        aliases: endpoint.aliases,
        interface_name: endpoint.interfaceName,
        static_mac: endpoint.macAddress,
      },
    },
    network_info: { [id]: networkInfo(network, endpoint.interfaceName, names) },
    // None at all spares netavark some of its calls of iptables.
    ...(ports.length > 0 || request.ports === true ? { port_mappings: ports.map(portMapping) } : {}),
    ...(dns.length > 0 ? { dns_servers: dns } : {}),
  };
}

function networkInfo(
  { definition, pools, bridge }: StoredNetwork,
  interfaceName: string,
  names: boolean,
): object {
  const { mtu } = bridgeOptions(definition.options);
  return {
    id: definition.id,
    name: definition.id,
    driver: "bridge",
    network_interface: bridge,
    internal: definition.internal,
    ipv6_enabled: definition.enableIPv6,
    dns_enabled: names,
    subnets: pools.map(({ subnet, gateway }) => ({ subnet, gateway })),
    ipam_options: { driver: "host-local" },
    options: {
      isolate: "true",
      metric: String(100 + Number(/\d+$/.exec(interfaceName)?.[0] ?? 0)),
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

/** Docker's rule: on the default network containers do not find each other by name. */
export function hasNames({ definition }: Pick<StoredNetwork, "definition">): boolean {
  return definition.name !== "bridge";
}
