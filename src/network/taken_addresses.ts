/** Addresses of a network that endpoints have. */
import type { StoredNetwork } from "./network_state.ts";
import type { Endpoint } from "./types.ts";

export function takenAddresses(network: StoredNetwork, endpoints: readonly Endpoint[]): Set<string> {
  const own = endpoints.filter(({ networkId }) => networkId === network.definition.id);
  return new Set(
    own.flatMap(({ ipv4, ipv6 }) => [ipv4.address, ...(ipv6 === undefined ? [] : [ipv6.address])]),
  );
}
