/** Which of a container's networks leads out (moby libnetwork/endpoint.go, `Less`). */
import type { NetworkRecords, StoredNetwork } from "./network_state.ts";
import type { Endpoint } from "./types.ts";

/**
 * A container's endpoints, the way out first: it has the default route, and publishes the ports. Internal networks lead
 * nowhere; else the user's priority decides, then whether both families lead out, then the network's name.
 */
export function wayOutFirst(
  own: readonly Endpoint[],
  networks: readonly Pick<StoredNetwork, "definition">[],
): Endpoint[] {
  const nameOf = ({ networkId }: Endpoint): string =>
    networks.find(({ definition }) => definition.id === networkId)?.definition.name ?? "";
  return own.toSorted((one, other) => {
    const [better, worse] = [ranks(one), ranks(other)];
    const different = better.findIndex((rank, i) => rank !== worse[i]);
    if (different >= 0) return (worse[different] ?? 0) - (better[different] ?? 0);
    return nameOf(one) < nameOf(other) ? -1 : 1;
  });
}

/** Of each container's endpoints the way out publishes the ports: it is where answers go. */
export function publishers({
  endpoints,
  networks,
}: Pick<NetworkRecords, "endpoints" | "networks">): { endpoint: Endpoint; network: StoredNetwork }[] {
  const containers = new Set(endpoints.map(({ containerId }) => containerId));
  return [...containers].flatMap((id) => {
    const own = endpoints.filter(({ containerId }) => containerId === id);
    const endpoint = wayOutFirst(own, networks).find(({ ports }) => ports.length > 0);
    const network = networks.find(({ definition }) => definition.id === endpoint?.networkId);
    return endpoint === undefined || network === undefined ? [] : [{ endpoint, network }];
  });
}

/** Greater ones are better. */
function ranks({ ipv4, ipv6, gatewayPriority = 0 }: Endpoint): number[] {
  return [Number(ipv4.gateway !== undefined), gatewayPriority, Number(ipv6?.gateway !== undefined)];
}
