/** `network ls` and `network inspect`. */
import { Failure } from "../../errors.ts";
import type { NetworkDefinition, Networking } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";
import type { NetworkContainer, NetworkResource } from "../../wire/index.ts";
import { listRecords } from "../containers/record.ts";
import { isAlive } from "../containers/state.ts";
import { hasLabel } from "../has_label.ts";
import { networkContainer, networkResource } from "./network_resource.ts";
import { networkingOf } from "./networking_of.ts";
import { endpointsOf, isPredefined } from "./wanted_networks.ts";

/** Each list: one of its values must fit, but all labels must. */
export interface NetworkFilter {
  readonly drivers?: readonly string[];
  /** Parts of ids and of names. */
  readonly ids?: readonly string[];
  readonly names?: readonly string[];
  readonly scopes?: readonly string[];
  /** `custom` or `builtin`. */
  readonly types?: readonly string[];
  /** `key` or `key=value`. */
  readonly labels?: readonly string[];
  /** Whether it is a user's, and no running container is in it. */
  readonly dangling?: boolean;
}

/**
 * In the order of their creation; containers of `host` and `none` are not among theirs.
 * @throws Failure("invalid") for a type that there is not
 */
export async function listNetworks(store: Store, filter: NetworkFilter = {}): Promise<NetworkResource[]> {
  const bad = filter.types?.find((type) => type !== "custom" && type !== "builtin");
  if (bad !== undefined) throw new Failure("invalid", `invalid filter: 'type'='${bad}'`);
  const networking = await networkingOf(store);
  return networking.networks
    .list()
    .map((definition) => networkResource(definition, containersOf(networking, definition)))
    .filter((network) => isAdmitted(network, filter));
}

/** moby, daemon/network/filter.go. */
function isAdmitted(network: NetworkResource, filter: NetworkFilter): boolean {
  const { drivers = [], ids = [], names = [], scopes = [], types = [], labels = [], dangling } = filter;
  const isCustom = !isPredefined(network.Name);
  const isDangling = isCustom && Object.keys(network.Containers).length === 0;
  const some = (values: readonly string[], fits: (value: string) => boolean): boolean =>
    values.length === 0 || values.some(fits);
  return (
    some(drivers, (driver) => driver === network.Driver) &&
    some(scopes, (scope) => scope === network.Scope) &&
    some(ids, (part) => network.Id.includes(part)) &&
    some(names, (part) => network.Name.includes(part)) &&
    some(types, (type) => type === (isCustom ? "custom" : "builtin")) &&
    labels.every((label) => hasLabel(network.Labels, label)) &&
    (dangling === undefined || dangling === isDangling)
  );
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
