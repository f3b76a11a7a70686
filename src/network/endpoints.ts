/** Containers' places in networks: `docker network connect` and `disconnect`, and what a container's start and end need. */
import { Failure } from "../errors.ts";
import { type BridgeTools, linkNames } from "./bridge_tools.ts";
import { endOrphans } from "./end_orphans.ts";
import { removeStandIns } from "./stand_in.ts";
import { findNetwork } from "./find_network.ts";
import { hasIpv6 } from "./host_subnets.ts";
import { hasNames } from "./netavark_options.ts";
import type { LockedRecords, NetworkRecords, NetworkState, StoredNetwork } from "./network_state.ts";
import { checkName, planEndpoint } from "./plan_endpoint.ts";
import { Plumbing, questionOf } from "./plumbing.ts";
import type { PortRelays } from "./port_relays.ts";
import { defaultBridge } from "./predefined.ts";
import { linksOf, obstacleTo, prepareBridge } from "./prepare_bridge.ts";
import { resolverSettings, type ResolverSettings } from "./resolver_settings.ts";
import { subnetsOf } from "./subnets_of.ts";
import type { ConnectRequest, Endpoint } from "./types.ts";
import { wayOutFirst } from "./way_out.ts";

export class Endpoints {
  readonly #state: NetworkState;
  readonly #tools: BridgeTools;
  readonly #plumbing: Plumbing;
  readonly #relays: PortRelays | undefined;

  /** @param relays for a daemon, which alone lives long enough */
  constructor(state: NetworkState, tools: BridgeTools, relays: PortRelays | undefined) {
    this.#state = state;
    this.#tools = tools;
    this.#relays = relays;
    this.#plumbing = new Plumbing(tools);
  }

  /** Why no container can be connected here, as far as that is known before: a program is missing, or privilege. */
  obstacle(): Error | undefined {
    try {
      this.#tools.check();
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  /** All there are, those that are being made included. @throws Failure("corrupt") */
  list(): Endpoint[] {
    return this.#state.read().endpoints;
  }

  /** A container's own, the way out first. */
  of(containerId: string): Endpoint[] {
    const { endpoints, networks } = this.#state.read();
    return wayOutFirst(
      endpoints.filter((endpoint) => endpoint.containerId === containerId),
      networks,
    );
  }

  /** For /etc/resolv.conf; changes with each connect and disconnect. Undefined: the host's resolvers. */
  resolvers(containerId: string): ResolverSettings | undefined {
    return resolverSettings(this.#state.read(), containerId);
  }

  /**
   * Connects a container's namespace to a bridge network: interface, addresses, routes, names, published ports. When it
   * returns, all of them work; when it throws, nothing is left.
   * @throws Failure("not-found"): the network; ("denied" | "invalid" | "conflict" | "limit") with Docker's texts;
   * ("unavailable"): a program or the kernel lacks something
   */
  async connect(request: ConnectRequest, signal?: AbortSignal): Promise<Endpoint> {
    const { network, endpoint } = await this.#plumb(request, signal);
    if (hasNames(network)) {
      try {
        await this.#plumbing.names.expect(questionOf(network, endpoint));
      } catch (error) {
        await this.disconnect(endpoint.id);
        throw error;
      }
    }
    return endpoint;
  }

  /**
   * Takes away what {@link connect} made, of a container that runs or is gone. An endpoint that is not there is no error.
   * @throws Failure("internal") if something could not be taken away: the endpoint stays on record
   */
  async disconnect(id: string): Promise<void> {
    await using records = await this.#state.lock();
    const endpoint = records.endpoints.find((other) => other.id === id);
    if (endpoint !== undefined) await this.#remove(records, endpoint);
  }

  /** The container has another name from now on: when this returns, its networks know it by that one. */
  async rename(containerId: string, name: string): Promise<void> {
    await using records = await this.#state.lock();
    const own = records.endpoints.filter((endpoint) => endpoint.containerId === containerId);
    const renamed = own.map((endpoint) => ({ ...endpoint, containerName: checkName(name) }));
    records.endpoints = [...records.endpoints.filter((endpoint) => !own.includes(endpoint)), ...renamed];
    await records.save();
    for (const endpoint of renamed) {
      const network = networkOf(records, endpoint);
      if (network === undefined || !hasNames(network)) continue;
      await this.#plumbing.names.add(network, endpoint);
      await this.#plumbing.names.expect({ ...questionOf(network, endpoint), name });
    }
  }

  /**
   * Removes the endpoints that nobody answers for, such as those of containers that ended while no daemon ran, and what
   * a killed process had half done. No process may be connecting a container of this root meanwhile, but for those whose
   * endpoints are among `alive`.
   * @param alive says of an endpoint whether its container lives
   * @returns the ids of those removed
   */
  async reconcile(alive: (endpoint: Endpoint) => boolean): Promise<string[]> {
    await using records = await this.#state.lock();
    await endOrphans(this.#tools.directory);
    await removeStandIns(this.#tools);
    // Somebody may have flushed the firewall: it is looked at anew, the rules of a network with its next endpoint.
    [records.settled, records.entered] = [[], []];
    const dead = records.endpoints.filter((endpoint) => endpoint.isLeaving === true || !alive(endpoint));
    for (const endpoint of dead) await this.#remove(records, endpoint);
    await this.#plumbing.names.keep(records.endpoints);
    await this.#plumbing.firewall.apply(records);
    await records.save();
    // What has the port meanwhile keeps it.
    await this.#relays?.keep(records);
    return dead.map(({ id }) => id);
  }

  async #plumb(
    request: ConnectRequest,
    signal: AbortSignal | undefined,
  ): Promise<{ network: StoredNetwork; endpoint: Endpoint }> {
    await using records = await this.#state.lock(signal);
    const found = findNetwork(records.networks, request.network);
    checkConnect(found, request, records.endpoints);
    this.#tools.check();
    const network = await this.#prepare(records, found);
    const { id, internal } = network.definition;
    const relays = this.#relays !== undefined && hasIpv6();
    // Other processes may have disconnected what has a port here.
    await this.#relays?.keep(records);
    const endpoint = await planEndpoint(network, request, { endpoints: records.endpoints, relays });
    records.endpoints.push(endpoint);
    if (!internal && !records.ruled.includes(id)) records.ruled.push(id);
    this.#plumbing.firewall.announce(records);
    // On record before it is made: a kill leaves nothing that reconcile does not know of.
    await records.save();
    try {
      await this.#plumbing.settle(network, records);
      await this.#plumbing.setUp(network, endpoint, records);
      await this.#relay(endpoint, records);
    } catch (error) {
      await this.#remove(records, endpoint).catch(() => undefined);
      throw error;
    }
    await records.save();
    return { network, endpoint };
  }

  /** The default network takes other addresses if others have taken its own while nobody was connected. */
  async #prepare(records: LockedRecords, network: StoredNetwork): Promise<StoredNetwork> {
    const { id, name } = network.definition;
    const isIdle = !records.endpoints.some((endpoint) => endpoint.networkId === id);
    let current = network;
    if (
      name === "bridge" &&
      isIdle &&
      !linkNames().has(linksOf(network).keeper) &&
      obstacleTo(network) !== undefined
    ) {
      const others = records.networks.filter((other) => other !== network);
      current = defaultBridge(
        network.definition,
        `br-${id.slice(0, 12)}`,
        subnetsOf(others),
        this.#state.defaults,
      );
      records.networks[records.networks.indexOf(network)] = current;
      await records.save();
    }
    await prepareBridge(current, this.#tools);
    return current;
  }

  async #relay({ id, containerName }: Endpoint, records: NetworkRecords): Promise<void> {
    const obstacles = (await this.#relays?.keep(records)) ?? [];
    const cause = obstacles.find(({ endpointId }) => endpointId === id)?.error;
    if (cause === undefined) return;
    const where = `driver failed programming external connectivity on endpoint ${containerName} (${id})`;
    throw new Failure("conflict", `${where}: Error starting userland proxy: ${cause.message}`, { cause });
  }

  async #remove(records: LockedRecords, endpoint: Endpoint): Promise<void> {
    const network = networkOf(records, endpoint);
    const others = records.endpoints.filter(({ id }) => id !== endpoint.id);
    // A kill leaves none that seems to work.
    records.endpoints = [...others, { ...endpoint, isLeaving: true }];
    await records.save();
    records.endpoints = others;
    await this.#relays?.keep(records);
    // It stays on record, which is not saved, if something of it stays.
    if (network !== undefined) await this.#plumbing.tearDown(network, endpoint, records);
    await records.save();
  }
}

function networkOf(records: NetworkRecords, { networkId }: Endpoint): StoredNetwork | undefined {
  return records.networks.find(({ definition }) => definition.id === networkId);
}

function checkConnect(network: StoredNetwork, request: ConnectRequest, endpoints: readonly Endpoint[]): void {
  const { definition } = network;
  if (definition.driver === "host")
    throw new Failure(
      "denied",
      "container cannot be disconnected from host network or connected to host network",
    );
  if (definition.driver === "null")
    throw new Failure(
      "denied",
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  const { containerId, containerName } = request;
  if (endpoints.some((one) => one.containerId === containerId && one.networkId === definition.id))
    throw new Failure(
      "denied",
      `endpoint with name ${containerName} already exists in network ${definition.name}`,
    );
}
