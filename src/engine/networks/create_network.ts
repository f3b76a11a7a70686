/** `network create`, `network rm` and `network prune`. */
import { Failure, isFailure } from "../../errors.ts";
import type { NetworkDefinition, NetworkRequest } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import { hasLabel } from "../has_label.ts";
import { networkingOf } from "./networking_of.ts";
import { tellNetwork } from "./tell_network.ts";

/** @returns its id @throws Failure in Docker's words */
export async function createNetwork(
  store: Store,
  events: EventBus,
  request: NetworkRequest,
): Promise<NetworkDefinition> {
  const { networks } = await networkingOf(store);
  const { ipam } = request;
  if (ipam?.driver && ipam.driver !== "default")
    throw new Failure("not-found", `plugin ${JSON.stringify(ipam.driver)} not found`);
  const definition = await networks.create(request);
  tellNetwork(events, "create", definition);
  return definition;
}

/** @throws Failure in Docker's words: predefined, in use, not there */
export async function removeNetwork(
  store: Store,
  events: EventBus,
  term: string,
): Promise<NetworkDefinition> {
  const { networks } = await networkingOf(store);
  const definition = await networks.remove(term);
  tellNetwork(events, "destroy", definition);
  return definition;
}

export interface PruneNetworksOptions {
  /** Milliseconds since 1970: only those that were made before. */
  readonly until?: number;
  /** `key` or `key=value`: those that have all of the first, and none of the others. */
  readonly labels?: readonly string[];
  readonly withoutLabels?: readonly string[];
}

/** Removes those of users that no container that runs is in. @returns their names */
export async function pruneNetworks(
  store: Store,
  events: EventBus,
  { until = Infinity, labels = [], withoutLabels = [] }: PruneNetworksOptions = {},
): Promise<string[]> {
  const { networks } = await networkingOf(store);
  const names: string[] = [];
  for (const { id, name, created, labels: own } of networks.list()) {
    if (Date.parse(created) >= until || !labels.every((label) => hasLabel(own, label))) continue;
    if (withoutLabels.some((label) => hasLabel(own, label))) continue;
    const removed = await removeNetwork(store, events, id).then(
      () => true,
      (error: unknown) => {
        // Predefined, in use, or just removed by somebody else.
        if (isFailure(error, "denied") || isFailure(error, "not-found")) return false;
        throw error;
      },
    );
    if (removed) names.push(name);
  }
  events.tell("network", "prune", "", { reclaimed: "0" });
  return names;
}
