/** Definitions of networks: what `docker network create, ls, inspect, rm, prune` work on. */
import { randomBytes } from "node:crypto";
import { Failure } from "../errors.ts";
import type { BridgeTools } from "./bridge_tools.ts";
import { Firewall } from "./firewall.ts";
import { findNetwork } from "./find_network.ts";
import { hostSubnets } from "./host_subnets.ts";
import { bridgeOptions } from "./network_options.ts";
import type { NetworkDefaults } from "./network_defaults.ts";
import type { LockedRecords, NetworkState, StoredNetwork } from "./network_state.ts";
import { planPools } from "./plan_pools.ts";
import { prepareBridge } from "./prepare_bridge.ts";
import { predefinedNames } from "./predefined.ts";
import { removeBridge } from "./remove_bridge.ts";
import { subnetsOf } from "./subnets_of.ts";
import type { NetworkDefinition, NetworkRequest } from "./types.ts";

export class Networks {
  readonly #state: NetworkState;
  readonly #tools: BridgeTools;
  readonly #firewall: Firewall;

  constructor(state: NetworkState, tools: BridgeTools) {
    this.#state = state;
    this.#tools = tools;
    this.#firewall = new Firewall(tools);
  }

  /** All, in the order of their creation. @throws Failure("corrupt") */
  list(): NetworkDefinition[] {
    return this.#state.read().networks.map(({ definition }) => definition);
  }

  /** @param term name, id, or the beginning of an id @throws Failure("not-found" | "invalid") */
  inspect(term: string): NetworkDefinition {
    return findNetwork(this.#state.read().networks, term).definition;
  }

  /**
   * What `host-gateway` means to a container.
   * @param term the network by which it gets to the machine, if there is one @throws Failure("not-found" | "invalid")
   */
  hostAddress(term?: string): string | undefined {
    const { hostGateway } = this.#state.defaults;
    if (hostGateway !== undefined || term === undefined) return hostGateway;
    return findNetwork(this.#state.read().networks, term).pools[0]?.gateway;
  }

  /**
   * Makes a network and, at once, its bridge: so other roots see by the routes that its addresses are taken.
   * @throws Failure("conflict"): the name is in use; ("denied"): subnets overlap, or a predefined name; ("not-found"): no
   * subnet is left, or an unknown driver; ("invalid"); ("unavailable"): netavark or the kernel lacks something
   */
  async create(request: NetworkRequest, signal?: AbortSignal): Promise<NetworkDefinition> {
    checkRequest(request);
    await using records = await this.#state.lock(signal);
    if (records.networks.some(({ definition }) => definition.name === request.name))
      throw new Failure("conflict", `network with name ${request.name} already exists`);
    const network = plan(request, records.networks, this.#state.defaults);
    this.#tools.check();
    // Before the bridge: what is recorded is found again.
    records.networks.push(network);
    await records.save();
    try {
      await prepareBridge(network, this.#tools);
    } catch (error) {
      records.networks.pop();
      await records.save();
      throw error;
    }
    return network.definition;
  }

  /** @throws Failure("not-found"); ("denied"): predefined, or containers are connected */
  async remove(term: string, signal?: AbortSignal): Promise<NetworkDefinition> {
    await using records = await this.#state.lock(signal);
    const network = findNetwork(records.networks, term);
    const { id, name } = network.definition;
    if (predefinedNames.has(name))
      throw new Failure("denied", `${name} is a pre-defined network and cannot be removed`);
    if (isUsed(records, id))
      throw new Failure(
        "denied",
        `error while removing network: network ${name} id ${id} has active endpoints`,
      );
    await this.#drop(records, network);
    return network.definition;
  }

  /**
   * Removes what no container is connected to and `select` agrees to; never predefined ones.
   * @returns the names
   */
  async prune(
    select: (definition: NetworkDefinition) => boolean = () => true,
    signal?: AbortSignal,
  ): Promise<string[]> {
    await using records = await this.#state.lock(signal);
    const unused = records.networks.filter(
      ({ definition }) =>
        !predefinedNames.has(definition.name) && !isUsed(records, definition.id) && select(definition),
    );
    for (const network of unused) await this.#drop(records, network);
    return unused.map(({ definition }) => definition.name);
  }

  /** The bridge first: a definition that a kill leaves behind can be removed again. */
  async #drop(records: LockedRecords, network: StoredNetwork): Promise<void> {
    const { id } = network.definition;
    await removeBridge(network, records, this.#tools);
    records.networks = records.networks.filter((other) => other !== network);
    records.ruled = records.ruled.filter((other) => other !== id);
    records.settled = records.settled.filter((other) => other !== id);
    await this.#firewall.apply(records);
    await records.save();
  }
}

function isUsed({ endpoints }: LockedRecords, id: string): boolean {
  return endpoints.some(({ networkId }) => networkId === id);
}

function checkRequest({ name, driver = "bridge" }: NetworkRequest): void {
  if (predefinedNames.has(name) || name === "default")
    // The blank at the end is Docker's.
    throw new Failure("denied", `operation is not permitted on predefined ${name} network `);
  if (name.trim() === "") throw new Failure("invalid", "invalid name: name is empty");
  if (driver === "host" || driver === "null")
    throw new Failure("denied", `only one instance of "${driver}" network is allowed`);
  if (driver !== "bridge" && driver !== "")
    throw new Failure("not-found", `plugin ${JSON.stringify(driver)} not found`);
}

function plan(
  request: NetworkRequest,
  networks: readonly StoredNetwork[],
  defaults: NetworkDefaults,
): StoredNetwork {
  const { name, ipam = {}, labels = {} } = request;
  const options = { ...defaults.options, ...request.options };
  const { internal = false, attachable = false, enableIPv6 = false } = request;
  const id = randomBytes(32).toString("hex");
  const { bridge = `br-${id.slice(0, 12)}` } = bridgeOptions(options);
  const same = networks.find((other) => other.bridge === bridge);
  if (same !== undefined)
    throw new Failure(
      "denied",
      `cannot create network ${id} (${bridge}): conflicts with network ${same.definition.id} (${bridge}): networks have same bridge name`,
    );
  const { config, pools } = planPools({
    networkId: id,
    config: ipam.config ?? [],
    enableIPv6,
    networks: subnetsOf(networks),
    host: hostSubnets(),
    from: defaults.pools,
  });
  const definition: NetworkDefinition = {
    id,
    name,
    driver: "bridge",
    scope: "local",
    created: new Date().toISOString(),
    internal,
    attachable,
    enableIPv6,
    ipam: { driver: ipam.driver || "default", options: ipam.options ?? null, config },
    options,
    labels,
  };
  return { definition, pools, bridge };
}
