/** What makes an endpoint real, and takes it away: interfaces, rules, names. */
import { writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { inNetworkNamespace, isSysError } from "../sys/index.ts";
import { type BridgeTools, linkNames } from "./bridge_tools.ts";
import { Firewall } from "./firewall.ts";
import { type NameQuestion, NameService } from "./name_service.ts";
import { hasNames } from "./netavark_options.ts";
import { makeRules } from "./network_rules.ts";
import type { NetworkRecords, StoredNetwork } from "./network_state.ts";
import { leadOut, plugDirectly, unplugDirectly } from "./plug_directly.ts";
import type { Endpoint } from "./types.ts";
import { wayOutFirst } from "./way_out.ts";

export class Plumbing {
  readonly names: NameService;
  readonly firewall: Firewall;
  readonly #tools: BridgeTools;

  constructor(tools: BridgeTools) {
    this.#tools = tools;
    this.names = new NameService(tools);
    this.firewall = new Firewall(tools);
  }

  /**
   * Makes what a network has beside its bridge before anybody is in it. netavark remembers nothing, so after a start it looks
   * again. @param records `settled` and `chained` are brought up to date @throws Failure
   */
  async settle(network: StoredNetwork, records: NetworkRecords): Promise<void> {
    const { id, internal } = network.definition;
    if (internal || records.settled.includes(id)) return;
    await makeRules(network, this.#tools);
    await this.firewall.apply(records);
    records.settled.push(id);
  }

  /** @param records the endpoint is among theirs @throws Failure, SysError: then {@link tearDown} removes what is there */
  async setUp(network: StoredNetwork, endpoint: Endpoint, records: NetworkRecords): Promise<void> {
    await mkdir(this.#tools.dnsDirectory, { recursive: true, mode: 0o700 });
    plugDirectly(network, endpoint);
    await this.#lead(endpoint, records);
    if (endpoint.ports.length > 0) admitLoopback(network);
    if (hasNames(network)) await this.names.add(network, endpoint);
  }

  /**
   * Removes what is there of an endpoint; what is not is no error.
   * @param records the endpoint is not among theirs @throws Failure if something stays
   */
  async tearDown(network: StoredNetwork, endpoint: Endpoint, records: NetworkRecords): Promise<void> {
    const named = hasNames(network);
    if (named) await this.names.forget(endpoint.networkId, endpoint.containerId);
    await unplugDirectly(endpoint.hostInterface, this.#tools);
    await this.#lead(endpoint, records);
    if (named) await this.names.expectGone(questionOf(network, endpoint));
  }

  /** The container's way out, and where its ports are sent on to. @param changed came or went */
  async #lead(changed: Endpoint, records: NetworkRecords): Promise<void> {
    const own = records.endpoints.filter(({ containerId }) => containerId === changed.containerId);
    const ordered = wayOutFirst(own, records.networks);
    if (isThere(changed.namespace)) leadOut(ordered.filter(isPlugged));
    if ([changed, ...own].some(({ ports }) => ports.length > 0)) await this.firewall.apply(records);
  }
}

/** One of another process may be on record only. */
function isPlugged({ namespace, interfaceName }: Endpoint): boolean {
  return inNetworkNamespace(namespace, linkNames).has(interfaceName);
}

function isThere(namespace: string): boolean {
  try {
    return inNetworkNamespace(namespace, () => true);
  } catch (error) {
    // EINVAL: its file is, without the mount.
    if (isSysError(error, "ENOENT", "EINVAL")) return false;
    throw error;
  }
}

/** Published ports answer on 127.0.0.1, too. Synchronous: /proc/sys/net is that of the thread. */
function admitLoopback({ bridge }: StoredNetwork): void {
  writeFileSync(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, "1");
}

/** By the beginning of the container's id, which nobody else has for a name. */
export function questionOf(network: StoredNetwork, endpoint: Endpoint): NameQuestion {
  return {
    gateway: network.pools[0]?.gateway ?? "",
    name: endpoint.containerId.slice(0, 12),
    address: endpoint.ipv4.address,
  };
}
