/** A container's networks for the time of a run. */
import { isFailure, Failure } from "../../errors.ts";
import type { Endpoint, Networking } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";
import { readRecord, type ContainerRecord, type HostConfig } from "../containers/record.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { ConnectedNetwork, EtcNetwork, RunNetwork, RunNetworking } from "../live/types.ts";
import { connectedSettings, type Connected } from "./endpoint_settings.ts";
import { checkPredefined } from "./check_predefined.ts";
import { connectRequest } from "./connect_request.ts";
import { etcNetwork } from "./etc_network.ts";
import { endpointsIn, networkingOf, whileConnecting } from "./networking_of.ts";
import { renewLinks } from "./renew_links.ts";
import { settleConnections } from "./settle_connections.ts";
import { tellNetwork } from "./tell_network.ts";
import {
  endpointsOf,
  isPredefined,
  sharesNetwork,
  wantedNetworks,
  type WantedNetwork,
} from "./wanted_networks.ts";

export class ContainerNetworking implements RunNetworking {
  readonly #store: Store;
  readonly #events: EventBus;

  constructor(store: Store, events: EventBus) {
    this.#store = store;
    this.#events = events;
  }

  async connect(record: ContainerRecord, hostConfig: HostConfig): Promise<RunNetwork> {
    const networking = await networkingOf(this.#store);
    const wanted = wantedNetworks(record, hostConfig, networking.networks);
    for (const { definition, settings } of wanted)
      if (isPredefined(definition.name)) checkPredefined(settings);
    if (sharesNetwork(hostConfig)) {
      const etc =
        hostConfig.NetworkMode === "host" ? this.#etc(networking, record, hostConfig, []) : undefined;
      return this.#withoutNamespace(record, wanted, etc);
    }
    const namespace = Promise.withResolvers<string>();
    const connected = whileConnecting(this.#store, record.ID, async () => {
      // Of a run whose supervisor was killed.
      for (const { id } of endpointsIn(networking, record.ID)) await networking.endpoints.disconnect(id);
      namespace.resolve(networking.namespaces.create(record.ID));
      return this.#connectAll(networking, record, hostConfig, wanted);
    }).then(async (made) => {
      // Two that link to each other would wait for each other in there.
      await renewLinks(this.#store, networking, endpointsIn(networking, record.ID));
      return made;
    });
    connected.catch(namespace.reject);
    return { namespace: await namespace.promise, connected };
  }

  async resume(
    record: ContainerRecord,
    hostConfig: HostConfig,
  ): Promise<Pick<ConnectedNetwork, "settings"> | undefined> {
    const networking = await networkingOf(this.#store);
    return whileConnecting(this.#store, record.ID, async () => {
      const now = readRecord(this.#store.root, record.ID) ?? record;
      const said = Object.values(endpointsOf(now));
      if (said.length === 0 || said.some(({ EndpointID }) => EndpointID !== "")) {
        const settings = await settleConnections(this.#store, networking, now, hostConfig);
        return settings && { settings };
      }
      const own = endpointsIn(networking, record.ID);
      if (own.length === 0) return undefined;
      const places = wantedNetworks(now, hostConfig, networking.networks).map(({ key, definition }) => ({
        key,
        definition,
        endpoint: own.find(({ networkId }) => networkId === definition.id),
      }));
      const namespace = networking.namespaces.path(record.ID);
      return { settings: (before) => connectedSettings(now, before, places, namespace) };
    });
  }

  async disconnect(containerId: string): Promise<() => void> {
    const networking = await networkingOf(this.#store);
    const left = await whileConnecting(this.#store, containerId, async () => {
      const endpoints = endpointsIn(networking, containerId);
      const record = readRecord(this.#store.root, containerId);
      const plain = record === undefined ? [] : connectedElsewhere(record, endpoints);
      for (const { id } of endpoints) await networking.endpoints.disconnect(id);
      networking.namespaces.remove(containerId);
      return [...endpoints.map(({ networkId }) => networkId), ...plain];
    });
    return () => {
      const known = networking.networks.list().filter(({ id }) => left.includes(id));
      for (const definition of known) tellNetwork(this.#events, "disconnect", definition, containerId);
    };
  }

  /** The host's network, or that of another container. */
  #withoutNamespace(
    record: ContainerRecord,
    wanted: readonly WantedNetwork[],
    etc: Promise<EtcNetwork | undefined> | undefined,
  ): RunNetwork {
    const places = wanted.map(({ key, definition }) => ({ key, definition, endpoint: undefined }));
    for (const { definition } of wanted) tellNetwork(this.#events, "connect", definition, record.ID);
    const settings: ConnectedNetwork["settings"] = (now) =>
      places.length === 0 ? now : connectedSettings(record, now, places, hostNamespace);
    const connected = Promise.resolve(etc).then((files) => ({ etc: files, settings }));
    return { namespace: undefined, connected };
  }

  /** Who is in no bridge network has nothing of it but what the operator says of the machine's address. */
  async #etc(
    networking: Networking,
    record: ContainerRecord,
    hostConfig: HostConfig,
    own: readonly Endpoint[],
  ): Promise<EtcNetwork | undefined> {
    if (own.length === 0 && networking.networks.hostAddress() === undefined) return undefined;
    return etcNetwork(this.#store, networking, record, hostConfig, own);
  }

  async #connectAll(
    networking: Networking,
    record: ContainerRecord,
    hostConfig: HostConfig,
    wanted: readonly WantedNetwork[],
  ): Promise<ConnectedNetwork> {
    const places: Connected[] = [];
    const own: Endpoint[] = [];
    const namespace = networking.namespaces.path(record.ID);
    for (const network of wanted) {
      const { key, definition } = network;
      let endpoint: Endpoint | undefined;
      if (definition.driver === "bridge") {
        const request = connectRequest(record, hostConfig, network, namespace);
        endpoint = await networking.endpoints.connect(request).catch(rethrowAsStart);
        own.push(endpoint);
      }
      places.push({ key, definition, endpoint });
      tellNetwork(this.#events, "connect", definition, record.ID);
    }
    return {
      etc: await this.#etc(networking, record, hostConfig, own),
      settings: (now) => connectedSettings(record, now, places, namespace),
    };
  }
}

/** As dockerd has it in records of containers in the host's network. */
const hostNamespace = "/var/run/docker/netns/default";

/** Ids of `host` and `none`, in which it is by its record only. */
function connectedElsewhere(record: ContainerRecord, endpoints: readonly Endpoint[]): string[] {
  return Object.entries(endpointsOf(record))
    .filter(([name, { EndpointID }]) => (name === "host" || name === "none") && EndpointID !== "")
    .map(([, { NetworkID }]) => NetworkID)
    .filter((id) => !endpoints.some(({ networkId }) => networkId === id));
}

/** A port that is taken is no conflict of the request, says dockerd, and an address that is left over no limit of it. */
export function rethrowAsStart(error: unknown): never {
  if (isFailure(error, "conflict") || isFailure(error, "limit")) {
    const { hint } = error;
    throw new Failure("internal", error.message, { cause: error, ...(hint !== undefined && { hint }) });
  }
  throw error;
}
