/** What a container's /etc/resolv.conf says. */
import { hasNames } from "./netavark_options.ts";
import type { NetworkRecords } from "./network_state.ts";
import { wayOutFirst } from "./way_out.ts";

export interface ResolverSettings {
  readonly nameservers: readonly string[];
  readonly options: readonly string[];
}

/**
 * The gateways of the container's named networks, where aardvark-dns answers for all networks that the asker is in and
 * forwards other names. Docker writes 127.0.0.11 and serves that inside each container, by dockerd; aardvark-dns outlives
 * the daemon.
 * @returns undefined: the container is on the default network only, and has the host's resolvers
 */
export function resolverSettings(records: NetworkRecords, containerId: string): ResolverSettings | undefined {
  const own = records.endpoints.filter((endpoint) => endpoint.containerId === containerId);
  const named = wayOutFirst(own, records.networks).flatMap((endpoint) => {
    const network = records.networks.find(({ definition }) => definition.id === endpoint.networkId);
    return network !== undefined && hasNames(network) ? [network] : [];
  });
  // Internal networks forward nothing.
  const leadingOut = named.filter(({ definition }) => !definition.internal);
  const asked = leadingOut.length > 0 ? leadingOut : named;
  const nameservers = asked.flatMap(({ pools }) => pools[0]?.gateway ?? []);
  // The C library asks three at most.
  return nameservers.length === 0
    ? undefined
    : { nameservers: nameservers.slice(0, 3), options: ["ndots:0"] };
}
