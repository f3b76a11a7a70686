/** What netavark is told of a network (netavark 1.4 src/network/types.rs, NetworkOptions; newer ones take the same). */
import { bridgeOptions } from "./network_options.ts";
import type { StoredNetwork } from "./network_state.ts";

/**
 * One endpoint of nobody, with which netavark makes a network's rules, or takes them back.
 *
 * - Its addresses are those of the subnets themselves, which no container gets.
 * - The network goes by its id: netavark hashes the name for its chains, and the name may hold anything.
 * - Networks are isolated from each other, as dockerd's are.
 * - Names are not its business: it appends to the files of aardvark-dns while that reads.
 */
export function netavarkOptions({ definition, pools, bridge }: StoredNetwork): object {
  const { id, internal, enableIPv6 } = definition;
  const { mtu } = bridgeOptions(definition.options);
  const info = {
    id,
    name: id,
    driver: "bridge",
    network_interface: bridge,
    internal,
    ipv6_enabled: enableIPv6,
    dns_enabled: false,
    subnets: pools.map(({ subnet, gateway }) => ({ subnet, gateway })),
    ipam_options: { driver: "host-local" },
    options: { isolate: "true", ...(mtu === undefined ? {} : { mtu: String(mtu) }) },
  };
  const place = {
    static_ips: pools.map(({ subnet }) => subnet.slice(0, subnet.indexOf("/"))),
    interface_name: "eth0",
  };
  return {
    container_id: "0".repeat(64),
    container_name: "nobody",
    networks: { [id]: place },
    network_info: { [id]: info },
  };
}

/** Docker's rule: on the default network containers do not find each other by name. */
export function hasNames({ definition }: Pick<StoredNetwork, "definition">): boolean {
  return definition.name !== "bridge";
}
