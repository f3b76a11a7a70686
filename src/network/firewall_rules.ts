/**
 * Rules for what netavark has no words for, or is slow at: published ports, and networks that leave by an address that their
 * user chose. Chains of this root alone, always written as a whole from what is on record: so they are right after whatever
 * has happened, and what is no longer on record has no rule.
 */
import { bridgeOptions } from "./network_options.ts";
import type { NetworkRecords, StoredNetwork } from "./network_state.ts";
import { isOfFamily } from "./subnet.ts";
import type { Endpoint, PortBinding } from "./types.ts";
import { publishers } from "./way_out.ts";

export type Family = 4 | 6;

/** Lines for iptables-restore, by table; those of {@link ruleChains}, and nothing else. */
export interface FirewallRules {
  readonly nat: readonly string[];
  readonly filter: readonly string[];
}

export interface RuleChains {
  /** Where connections to published ports are sent on. */
  readonly ports: string;
  /** Whose source is replaced. */
  readonly sources: string;
  /** What is let through. */
  readonly forward: string;
  /** What is kept from the host. */
  readonly input: string;
}

/** @param mark hex digits that tell this root's from others' */
export function ruleChains(mark: string): RuleChains {
  const [ports, sources, forward, input] = ["PORTS", "SOURCES", "FORWARD", "INPUT"].map(
    (name) => `VARVE-${name}-${mark}`,
  ) as [string, string, string, string];
  return { ports, sources, forward, input };
}

/** Where the built-in chains lead to them: first, or others' rules would decide before. */
export function jumpsTo(
  chains: RuleChains,
  family: Family,
): { nat: readonly string[]; filter: readonly string[] } {
  // To 127.0.0.0/8 and ::1 comes nobody from outside; the kernel looks only after this.
  const loopback = family === 4 ? "127.0.0.0/8" : "::1/128";
  return {
    nat: [
      `PREROUTING ! -d ${loopback} -m addrtype --dst-type LOCAL -j ${chains.ports}`,
      `OUTPUT -m addrtype --dst-type LOCAL -j ${chains.ports}`,
      `POSTROUTING -j ${chains.sources}`,
    ],
    filter: [`FORWARD -j ${chains.forward}`, `INPUT -j ${chains.input}`],
  };
}

/** The contents of the chains. */
export function firewallRules(
  { networks, endpoints }: Pick<NetworkRecords, "networks" | "endpoints">,
  chains: RuleChains,
  family: Family,
): FirewallRules {
  const ports = publishers({ networks, endpoints }).flatMap(({ endpoint, network }) =>
    endpoint.ports.flatMap((port) => {
      const place = placeOf(endpoint, port, family);
      return place === undefined ? [] : [{ ...place, subnet: subnetOf(network, family) }];
    }),
  );
  const bridges = networks.filter(({ bridge, definition }) => bridge !== "" && !definition.internal);
  return {
    nat: [
      ...ports.map(({ match, to }) => `-A ${chains.ports} ${match} -j DNAT --to-destination ${to}`),
      ...ports.flatMap(({ arrived, subnet }) => [
        // It would be answered directly, or at this host's loopback not at all.
        `-A ${chains.sources} -s ${subnet} ${arrived} -m conntrack --ctstate DNAT -j MASQUERADE`,
        ...(family === 4 ? [`-A ${chains.sources} -s 127.0.0.0/8 ${arrived} -j MASQUERADE`] : []),
      ]),
      ...bridges.flatMap((network) => sourceRules(network, chains, family)),
    ],
    filter: [
      // Networks are kept apart, but whoever may ask the host may ask a published port, and is answered.
      ...ports.flatMap(({ arrived, answered }) =>
        [arrived, answered].map(
          (packets) => `-A ${chains.forward} ${packets} -m conntrack --ctstate DNAT -j ACCEPT`,
        ),
      ),
      // Published ports answer on 127.0.0.1, for which bridges must let loopback addresses pass (route_localnet).
      ...(family === 4 && ports.length > 0
        ? bridges.map(
            ({ bridge }) =>
              `-A ${chains.input} -i ${bridge} -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP`,
          )
        : []),
    ],
  };
}

interface PortPlace {
  /** Packets to the port of the host. */
  readonly match: string;
  readonly to: string;
  /** Packets that have been sent on, and their answers. */
  readonly arrived: string;
  readonly answered: string;
}

/** @returns undefined: no rule of this family can lead there */
function placeOf(
  { ipv4, ipv6 }: Endpoint,
  { containerPort, hostIp, hostPort, protocol }: PortBinding,
  family: Family,
): PortPlace | undefined {
  const address = family === 4 ? ipv4.address : ipv6?.address;
  if (hostIp.includes(":") !== (family === 6) || address === undefined || hostIp === "::1") return undefined;
  const everywhere = hostIp === "0.0.0.0" || hostIp === "::";
  // From ::1 nothing can be sent on (there is no route_localnet for IPv6).
  const destination = everywhere ? (family === 6 ? "! -d ::1/128 " : "") : `-d ${hostIp} `;
  return {
    match: `${destination}-p ${protocol} -m ${protocol} --dport ${hostPort}`,
    to: family === 4 ? `${address}:${containerPort}` : `[${address}]:${containerPort}`,
    arrived: `-d ${address} -p ${protocol} -m ${protocol} --dport ${containerPort}`,
    answered: `-s ${address} -p ${protocol} -m ${protocol} --sport ${containerPort}`,
  };
}

/** `enable_ip_masquerade=false` and `host_ipv4`, ahead of netavark's rule that masquerades. */
function sourceRules(network: StoredNetwork, { sources }: RuleChains, family: Family): string[] {
  const { masquerade, hostAddress } = bridgeOptions(network.definition.options);
  const subnet = subnetOf(network, family);
  if (subnet === undefined) return [];
  const leaving = `-A ${sources} -s ${subnet} ! -o ${network.bridge}`;
  if (!masquerade) return [`${leaving} -j ACCEPT`];
  return hostAddress !== undefined && family === 4 ? [`${leaving} -j SNAT --to-source ${hostAddress}`] : [];
}

function subnetOf({ pools }: StoredNetwork, family: Family): string | undefined {
  return pools.find((pool) => isOfFamily(pool, family))?.subnet;
}
