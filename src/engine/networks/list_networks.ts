/** `network ls` and `network inspect`. */
import type { NetworkDefinition, Networking } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";
import type { NetworkContainer, NetworkResource } from "../../wire/index.ts";
import { listRecords } from "../containers/record.ts";
import { isAlive } from "../containers/state.ts";
import { networkContainer, networkResource } from "./network_resource.ts";
import { networkingOf } from "./networking_of.ts";
import { endpointsOf } from "./wanted_networks.ts";

/** All, in the order of their creation; containers of `host` and `none` are not among theirs. */
export async function listNetworks(store: Store): Promise<NetworkResource[]> {
  const networking = await networkingOf(store);
  return networking.networks
    .list()
    .map((definition) => networkResource(definition, containersOf(networking, definition)));
}

/** @throws Failure("not-found"): `network x not found` */
export async function inspectNetwork(store: Store, term: string): Promise<NetworkResource> {
  const networking = await networkingOf(store);
  const definition = networking.networks.inspect(term);
  const isBridge = definition.driver === "bridge";
  const containers = isBridge
    ? containersOf(networking, definition)
    : await plainContainers(store, definition);
  return networkResource(definition, containers);
}

function containersOf(
  { endpoints }: Networking,
  { id }: NetworkDefinition,
): Record<string, NetworkContainer> {
  const own = endpoints.list().filter(({ networkId }) => networkId === id);
  return Object.fromEntries(own.map((endpoint) => [endpoint.containerId, networkContainer(endpoint)]));
}

/** Of `host` and `none`: by the records of containers that run. */
async function plainContainers(
  store: Store,
  { name }: NetworkDefinition,
): Promise<Record<string, NetworkContainer>> {
  const containers: Record<string, NetworkContainer> = {};
  for (const record of await listRecords(store.root)) {
    const { EndpointID = "" } = endpointsOf(record)[name] ?? {};
    if (EndpointID === "" || !isAlive(record)) continue;
    const none = { MacAddress: "", IPv4Address: "", IPv6Address: "" };
    containers[record.ID] = { Name: record.Name.slice(1), EndpointID, ...none };
  }
  return containers;
}
