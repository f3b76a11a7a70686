/** Steps of a daemon's builds in its networks: each is connected while it runs, and belongs to the step's id. */
import { inUserNamespace } from "../../driver/index.ts";
import type { NetworkDefinition, Networking } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";
import { sharedNetwork, type StepNetwork, type StepNetworking } from "../builds/step_networking.ts";
import { defaultHostConfig } from "../containers/host_config.ts";
import { joinedContainer, joinedNamespaces } from "../containers/joined_namespaces.ts";
import type { HostConfig } from "../containers/record.ts";
import { dnsOf } from "./etc_network.ts";
import { networkingOf } from "./networking_of.ts";
import { rethrowAsStart } from "./run_networking.ts";
import { networkOfMode } from "./wanted_networks.ts";

export class StepNetworks implements StepNetworking {
  readonly #store: Store;
  readonly #defaults: () => Partial<HostConfig>;
  readonly #warn: (text: string) => void;
  #hasWarned = false;

  /**
   * @param defaults name servers, search domains and options of containers that say nothing about them
   * @param warn told once, if steps have to have the host's network
   */
  constructor(store: Store, defaults: () => Partial<HostConfig>, warn: (text: string) => void) {
    this.#store = store;
    this.#defaults = defaults;
    this.#warn = warn;
  }

  /** @param mode also a network's name or id, and `container:NAME` */
  async connect(stepId: string, mode: string, signal: AbortSignal): Promise<StepNetwork> {
    if (joinedContainer(mode) !== undefined) return this.#join(mode);
    const networking = await networkingOf(this.#store);
    const obstacle = mode === "default" ? obstacleOf(networking) : undefined;
    if (obstacle !== undefined) {
      if (!this.#hasWarned) this.#warn(`RUN in builds has the host's network: ${obstacle}`);
      this.#hasWarned = true;
      return sharedNetwork("host");
    }
    const definition = networking.networks.inspect(networkOfMode(mode));
    if (definition.driver !== "bridge")
      return sharedNetwork(definition.driver === "host" ? "host" : "private");
    return this.#connect(networking, stepId, definition, signal);
  }

  /** The machine's address for steps of the default network; its loopback where they have the host's. */
  async hostGateway(): Promise<string> {
    const networking = await networkingOf(this.#store);
    if (obstacleOf(networking) !== undefined) return "127.0.0.1";
    return networking.networks.hostAddress("bridge") ?? "127.0.0.1";
  }

  async #join(mode: string): Promise<StepNetwork> {
    const { network = "private", networkOf } = await joinedNamespaces(this.#store, {
      ...defaultHostConfig(),
      NetworkMode: mode,
    });
    if (networkOf === undefined) return sharedNetwork(network);
    const { HostsPath: hosts, ResolvConfPath: resolvConf } = networkOf;
    return sharedNetwork(network, { files: { hosts, resolvConf } });
  }

  async #connect(
    { networks, endpoints, namespaces }: Networking,
    stepId: string,
    { id: network }: NetworkDefinition,
    signal: AbortSignal,
  ): Promise<StepNetwork> {
    const defaults = this.#defaults();
    await using undo = new AsyncDisposableStack();
    const namespace = namespaces.create(stepId);
    undo.defer(() => namespaces.remove(stepId));
    const request = {
      network,
      containerId: stepId,
      containerName: stepId.slice(0, 12),
      namespace,
      dns: defaults.Dns ?? [],
    };
    const { id, ipv4 } = await endpoints.connect(request, signal).catch(rethrowAsStart);
    undo.defer(() => endpoints.disconnect(id));
    const dns = dnsOf(endpoints.resolvers(stepId), defaults);
    const hostGateway = networks.hostAddress(ipv4.gateway === undefined ? undefined : network);
    const made = undo.move();
    return {
      namespace: { path: namespace },
      dns,
      ...(hostGateway !== undefined && { hostGateway }),
      [Symbol.asyncDispose]: () => made.disposeAsync(),
    };
  }
}

/**
 * Why there are no bridges: the default is the host's network then, as with BuildKit where it finds no plugins for networks.
 * In a user namespace a bridge would be made in the host's network, which is another's.
 */
function obstacleOf({ endpoints }: Networking): string | undefined {
  return inUserNamespace() ? "there are no bridges in a user namespace" : endpoints.obstacle()?.message;
}
