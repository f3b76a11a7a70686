/** Containers' places in networks: `docker network connect` and `disconnect`, and what a container's start and end need. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../errors.ts";
import { createNetworkNamespace, inNetworkNamespace, removeNetworkNamespace } from "../sys/index.ts";
import { type BridgeTools, linkNames } from "./bridge_tools.ts";
import { endOrphans } from "./end_orphans.ts";
import { findNetwork } from "./find_network.ts";
import { NameService } from "./name_service.ts";
import { hasNames, netavarkOptions } from "./netavark_options.ts";
import type { LockedRecords, NetworkRecords, NetworkState, StoredNetwork } from "./network_state.ts";
import { checkName, planEndpoint } from "./plan_endpoint.ts";
import { defaultBridge } from "./predefined.ts";
import { linksOf, obstacleTo, prepareBridge } from "./prepare_bridge.ts";
import { resolverSettings, type ResolverSettings } from "./resolver_settings.ts";
import { setBridgePort } from "./set_bridge_port.ts";
import { subnetsOf } from "./subnets_of.ts";
import type { ConnectRequest, Endpoint } from "./types.ts";

export class Endpoints {
  readonly #state: NetworkState;
  readonly #tools: BridgeTools;
  readonly #names: NameService;

  constructor(state: NetworkState, tools: BridgeTools) {
    this.#state = state;
    this.#tools = tools;
    this.#names = new NameService(tools);
  }

  /** All there are, those that are being made included. @throws Failure("corrupt") */
  list(): Endpoint[] {
    return this.#state.read().endpoints;
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
        await this.#names.expect(questionOf(network, endpoint));
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
      await this.#names.rename(endpoint.networkId, containerId, [name, ...endpoint.aliases]);
      await this.#names.expect({ ...questionOf(network, endpoint), name });
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
    const dead = records.endpoints.filter((endpoint) => !alive(endpoint));
    for (const endpoint of dead) await this.#remove(records, endpoint);
    await this.#names.keep(records.endpoints);
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
    const endpoint = await planEndpoint(network, request, records.endpoints);
    records.endpoints.push(endpoint);
    const { id } = network.definition;
    if (!network.definition.internal && !records.ruled.includes(id)) records.ruled.push(id);
    // On record before it is made: a kill leaves nothing that reconcile does not know of.
    await records.save();
    try {
      await this.#setUp(network, endpoint);
    } catch (error) {
      await this.#remove(records, endpoint).catch(() => undefined);
      throw error;
    }
    return { network, endpoint };
  }

  async #setUp(network: StoredNetwork, endpoint: Endpoint): Promise<void> {
    await mkdir(this.#tools.directory, { recursive: true, mode: 0o700 });
    if (hasNames(network)) await this.#names.forgetDead();
    const options = netavarkOptions({ network, endpoint, names: hasNames(network) });
    await this.#tools.netavark("setup", endpoint.namespace, options);
    await setBridgePort(network, endpoint, this.#tools);
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
      current = defaultBridge(network.definition, `br-${id.slice(0, 12)}`, subnetsOf(others));
      records.networks[records.networks.indexOf(network)] = current;
      await records.save();
    }
    await prepareBridge(current, this.#tools);
    return current;
  }

  async #remove(records: LockedRecords, endpoint: Endpoint): Promise<void> {
    const network = networkOf(records, endpoint);
    if (network !== undefined) await this.#tearDown(network, endpoint);
    records.endpoints = records.endpoints.filter(({ id }) => id !== endpoint.id);
    await records.save();
  }

  async #tearDown(network: StoredNetwork, endpoint: Endpoint): Promise<void> {
    const named = hasNames(network);
    // netavark would write the file in place, under the eyes of the server, and fail if the line is gone.
    if (named) await this.#names.forget(endpoint.networkId, endpoint.containerId);
    const options = netavarkOptions({ network, endpoint, names: false });
    await this.#takeApart(endpoint, options);
    if (named) await this.#names.expectGone(questionOf(network, endpoint));
  }

  /** A namespace that is gone took its interface along; netavark wants one all the same to remove the rules. */
  async #takeApart(endpoint: Endpoint, options: object): Promise<void> {
    let interfaces: Set<string> | undefined;
    try {
      interfaces = inNetworkNamespace(endpoint.namespace, linkNames);
    } catch {
      interfaces = undefined;
    }
    const stand = join(this.#tools.directory, `gone-${endpoint.id.slice(0, 12)}`);
    try {
      if (interfaces === undefined) {
        await mkdir(this.#tools.directory, { recursive: true, mode: 0o700 });
        removeNetworkNamespace(stand);
        createNetworkNamespace(stand);
      }
      await this.#tools.netavark("teardown", interfaces === undefined ? stand : endpoint.namespace, options);
    } catch (error) {
      // What was missing is as good as removed.
      if (interfaces?.has(endpoint.interfaceName) === true) throw error;
    } finally {
      removeNetworkNamespace(stand);
    }
  }
}

function networkOf(records: NetworkRecords, { networkId }: Endpoint): StoredNetwork | undefined {
  return records.networks.find(({ definition }) => definition.id === networkId);
}

function questionOf(
  network: StoredNetwork,
  endpoint: Endpoint,
): { gateway: string; name: string; address: string } {
  const [pool] = network.pools;
  return {
    gateway: pool?.gateway ?? "",
    name: endpoint.containerId.slice(0, 12),
    address: endpoint.ipv4.address,
  };
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
