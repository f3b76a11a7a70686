/** The network that a name or id means. */
import { Failure } from "../errors.ts";
import type { StoredNetwork } from "./network_state.ts";

/**
 * By id, by name, by the beginning of an id, in this order (moby daemon/network.go, FindNetwork).
 * @throws Failure("not-found" | "invalid") with Docker's texts
 */
export function findNetwork(networks: readonly StoredNetwork[], term: string): StoredNetwork {
  const exact =
    networks.find(({ definition }) => definition.id === term) ??
    networks.find(({ definition }) => definition.name === term);
  if (exact !== undefined) return exact;
  const begun = networks.filter(({ definition }) => term !== "" && definition.id.startsWith(term));
  if (begun.length > 1) {
    throw new Failure(
      "invalid",
      `network ${term} is ambiguous (${begun.length} matches found based on ID prefix)`,
    );
  }
  const [found] = begun;
  if (found === undefined) throw new Failure("not-found", `network ${term} not found`);
  return found;
}
