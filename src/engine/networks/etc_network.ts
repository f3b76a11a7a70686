/** What a container's networks add to its files of /etc. */
import type { Endpoint, Networking, ResolverSettings } from "../../network/index.ts";
import type { HostEntry } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";
import type { EtcNetwork } from "../live/types.ts";
import { defaultLinks, endpointLinks } from "./links.ts";

/** @param own the container's endpoints, the way out first @throws Failure for a link that leads nowhere */
export async function etcNetwork(
  store: Store,
  networking: Networking,
  record: ContainerRecord,
  hostConfig: HostConfig,
  own: readonly Endpoint[],
): Promise<EtcNetwork> {
  const all = networking.endpoints.list();
  const bridge = networking.networks.inspect("bridge").id;
  const links: HostEntry[] = [];
  for (const endpoint of own) {
    links.push(...endpointLinks(endpoint, all));
    if (endpoint.networkId === bridge)
      links.push(...(await defaultLinks(store, record, hostConfig, endpoint, all)));
  }
  const [leading] = own.filter(({ ipv4 }) => ipv4.gateway !== undefined);
  const hostGateway = networking.networks.hostAddress(leading?.networkId);
  return {
    hosts: [...links, ...own.flatMap((endpoint) => ownEntries(record, endpoint))],
    ...(hostGateway !== undefined && { hostGateway }),
    dns: dnsOf(networking.endpoints.resolvers(record.ID), hostConfig),
  };
}

/** @param resolvers of the networks that the container is in */
export function dnsOf(
  resolvers: ResolverSettings | undefined,
  hostConfig: Partial<HostConfig>,
): EtcNetwork["dns"] {
  return {
    servers: resolvers?.nameservers ?? hostConfig.Dns ?? [],
    search: (hostConfig["DnsSearch"] as string[] | null | undefined) ?? [],
    options: dnsOptions(hostConfig, resolvers?.options ?? []),
  };
}

/** The container's names for itself, in full and without its domain (moby, libnetwork/sandbox_dns_unix.go). */
export function ownEntries({ Config }: ContainerRecord, { ipv4, ipv6 }: Endpoint): HostEntry[] {
  const { Hostname = "", Domainname = "" } = Config;
  const full = Domainname === "" ? Hostname : `${Hostname}.${Domainname}`;
  const [bare = ""] = full.split(".");
  const name = bare === full ? full : `${full} ${bare}`;
  return [ipv4, ...(ipv6 === undefined ? [] : [ipv6])].map(({ address }) => ({ name, address }));
}

/** The user's `ndots` is heeded before ours. */
function dnsOptions(hostConfig: Partial<HostConfig>, ours: readonly string[]): string[] {
  const given = (hostConfig["DnsOptions"] as string[] | null | undefined) ?? [];
  const names = given.map((option) => option.split(":", 1)[0]);
  return [...ours.filter((option) => !names.includes(option.split(":", 1)[0])), ...given];
}
