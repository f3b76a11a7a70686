/** Networks of containers: every verb in a file of its own, loaded when it is first used. */
import type { NetworkDefaults, NetworkDefinition, NetworkRequest } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";
import type { NetworkResource } from "../../wire/index.ts";
import type { EndpointSettings } from "../containers/network_settings.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { RunNetworking } from "../live/types.ts";
import type { PruneNetworksOptions } from "./create_network.ts";
import type { NetworkFilter } from "./list_networks.ts";

export class EngineNetworks {
  readonly #store: Store;
  readonly #events: EventBus;

  constructor(store: Store, events: EventBus) {
    this.#store = store;
    this.#events = events;
  }

  /** In the order of their creation; containers of `host` and `none` are not among theirs. */
  async list(filter: NetworkFilter = {}): Promise<NetworkResource[]> {
    return (await import("./list_networks.ts")).listNetworks(this.#store, filter);
  }

  /** By name, id or the beginning of an id. Throws `Failure("not-found")`: `network x not found`. */
  async inspect(term: string): Promise<NetworkResource> {
    return (await import("./list_networks.ts")).inspectNetwork(this.#store, term);
  }

  /** Throws in Docker's words for a name or addresses that are in use, and for what is malformed. */
  async create(request: NetworkRequest): Promise<NetworkDefinition> {
    return (await import("./create_network.ts")).createNetwork(this.#store, this.#events, request);
  }

  /** Throws `Failure("denied")` for a predefined one and while containers are connected. */
  async remove(term: string): Promise<NetworkDefinition> {
    return (await import("./create_network.ts")).removeNetwork(this.#store, this.#events, term);
  }

  /** Removes those that no running container is in. Returns their names. */
  async prune(options: PruneNetworksOptions = {}): Promise<string[]> {
    return (await import("./create_network.ts")).pruneNetworks(this.#store, this.#events, options);
  }

  /** Connects a container: at once while it runs, else with its next start. */
  async connect(term: string, container: string, settings: Partial<EndpointSettings> = {}): Promise<void> {
    const { connectContainer } = await import("./connect_container.ts");
    return connectContainer(this.#store, this.#events, term, container, settings);
  }

  /** @param options `force`: also what is left of a container that is gone */
  async disconnect(
    term: string,
    container: string,
    options: { readonly force?: boolean } = {},
  ): Promise<void> {
    const { disconnectContainer } = await import("./disconnect_container.ts");
    return disconnectContainer(this.#store, this.#events, term, container, options);
  }

  /** `rm --link`: takes `container/alias` away. Throws in Docker's words for what is no link. */
  async removeLink(text: string): Promise<void> {
    return (await import("./change_links.ts")).removeLink(this.#store, text);
  }

  /**
   * For a daemon, before anything else: opens the networks by these defaults, to pass on what comes to published ports until it
   * is disposed of. Throws `Failure("invalid")` for bad ones.
   */
  async open(defaults: NetworkDefaults = {}): Promise<Disposable> {
    return (await import("./networking_of.ts")).networkingOf(this.#store, { defaults, relays: true });
  }

  /** For a daemon at its start: takes away what containers that ended have left. */
  async reconcile(): Promise<void> {
    return (await import("./reconcile_networks.ts")).reconcileNetworks(this.#store);
  }

  /** For whoever runs containers. */
  async running(): Promise<RunNetworking> {
    const { ContainerNetworking } = await import("./run_networking.ts");
    return new ContainerNetworking(this.#store, this.#events);
  }
}
