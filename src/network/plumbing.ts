/** What makes an endpoint real, and takes it away: interfaces, rules, names. */
import { mkdir } from "node:fs/promises";
import { inNetworkNamespace } from "../sys/index.ts";
import { type BridgeTools, linkNames } from "./bridge_tools.ts";
import { type NameQuestion, NameService } from "./name_service.ts";
import { hasNames, netavarkOptions } from "./netavark_options.ts";
import type { StoredNetwork } from "./network_state.ts";
import { plugDirectly, unplugDirectly } from "./plug_directly.ts";
import { setBridgePort } from "./set_bridge_port.ts";
import { withStandIn } from "./stand_in.ts";
import type { Endpoint } from "./types.ts";

export class Plumbing {
  readonly names: NameService;
  readonly #tools: BridgeTools;

  constructor(tools: BridgeTools) {
    this.#tools = tools;
    this.names = new NameService(tools);
  }

  /** @throws Failure: then {@link tearDown} removes what is there */
  async setUp(network: StoredNetwork, endpoint: Endpoint): Promise<void> {
    const { hostInterface } = endpoint;
    await mkdir(this.#tools.dnsDirectory, { recursive: true, mode: 0o700 });
    if (hostInterface === undefined) {
      await this.#tools.netavark("setup", endpoint.namespace, netavarkOptions(network, endpoint));
      await setBridgePort(endpoint, network, this.#tools);
    } else {
      await plugDirectly(network, { ...endpoint, hostInterface }, this.#tools);
    }
    if (hasNames(network)) await this.names.add(network, endpoint);
  }

  /** Removes what is there of an endpoint; what is not is no error. @throws Failure if something stays */
  async tearDown(network: StoredNetwork, endpoint: Endpoint): Promise<void> {
    const { hostInterface } = endpoint;
    const named = hasNames(network);
    if (named) await this.names.forget(endpoint.networkId, endpoint.containerId);
    if (hostInterface === undefined) await this.#takeApart(network, endpoint);
    else await unplugDirectly(hostInterface, this.#tools);
    if (named) await this.names.expectGone(questionOf(network, endpoint));
  }

  /** A namespace that is gone took its interface along; netavark wants one all the same to remove the rules. */
  async #takeApart(network: StoredNetwork, endpoint: Endpoint): Promise<void> {
    const interfaces = interfacesIn(endpoint.namespace);
    const teardown = (namespace: string): Promise<unknown> =>
      this.#tools.netavark("teardown", namespace, netavarkOptions(network, endpoint));
    try {
      if (interfaces === undefined) await withStandIn(this.#tools.directory, teardown);
      else await teardown(endpoint.namespace);
    } catch (error) {
      // netavark says so when the interface is not there, and removes the rules all the same.
      if (interfaces?.has(endpoint.interfaceName) === true) throw error;
    }
  }
}

function interfacesIn(namespace: string): Set<string> | undefined {
  try {
    return inNetworkNamespace(namespace, linkNames);
  } catch {
    return undefined;
  }
}

/** By the beginning of the container's id, which nobody else has for a name. */
export function questionOf(network: StoredNetwork, endpoint: Endpoint): NameQuestion {
  return {
    gateway: network.pools[0]?.gateway ?? "",
    name: endpoint.containerId.slice(0, 12),
    address: endpoint.ipv4.address,
  };
}
