/** `network connect`: of a container that runs at once, of another one when it starts (moby, daemon, `ConnectToNetwork`). */
import { existsSync } from "node:fs";
import { Failure } from "../../errors.ts";
import type { NetworkDefinition, Networking } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";
import {
  checkEndpoints,
  emptyEndpoint,
  type EndpointSettings,
  type EndpointsConfig,
} from "../containers/network_settings.ts";
import {
  findRecord,
  readHostConfig,
  readRecord,
  type ContainerRecord,
  type HostConfig,
} from "../containers/record.ts";
import { isAlive } from "../containers/state.ts";
import { updateRecord } from "../containers/update_record.ts";
import type { EventBus } from "../events/event_bus.ts";
import { checkPredefined } from "./check_predefined.ts";
import { connectRequest } from "./connect_request.ts";
import { connectedEndpoint } from "./endpoint_settings.ts";
import { etcNetwork, ownEntries } from "./etc_network.ts";
import { endpointLinks } from "./links.ts";
import { endpointsIn, networkingOf, whileConnecting } from "./networking_of.ts";
import { portMap } from "./port_requests.ts";
import { rethrowAsStart } from "./run_networking.ts";
import { tellNetwork } from "./tell_network.ts";
import { renewLinks } from "./renew_links.ts";
import { updateEtc } from "./update_etc.ts";
import { endpointsOf, isPredefined, networkOfMode, sharesNetwork } from "./wanted_networks.ts";

/** @throws Failure in Docker's words; then nothing has changed */
export async function connectContainer(
  store: Store,
  events: EventBus,
  term: string,
  container: string,
  asked: Partial<EndpointSettings> = {},
): Promise<void> {
  const networking = await networkingOf(store);
  const definition = networking.networks.inspect(term);
  const { ID } = await findRecord(store.root, container);
  checkEndpoints({ [definition.name]: asked } satisfies EndpointsConfig);
  await whileConnecting(store, ID, async () => {
    const record = readRecord(store.root, ID);
    if (record === undefined) throw new Failure("not-found", `No such container: ${container}`);
    const hostConfig = readHostConfig(store.root, ID);
    checkConnect(record, hostConfig, definition, asked);
    const settings: EndpointSettings = { ...emptyEndpoint(), ...asked, IPAMOperational: false };
    if (!isAlive(record)) return setEndpoint(store, record, definition.name, settings);
    await connectLive({ store, networking, record, hostConfig, definition, settings });
    tellNetwork(events, "connect", definition, ID);
  });
  const joined = endpointsIn(networking, ID).filter(({ networkId }) => networkId === definition.id);
  await renewLinks(store, networking, joined);
}

interface LiveConnect {
  readonly store: Store;
  readonly networking: Networking;
  readonly record: ContainerRecord;
  readonly hostConfig: HostConfig;
  readonly definition: NetworkDefinition;
  readonly settings: EndpointSettings;
}

async function connectLive(parts: LiveConnect): Promise<void> {
  const { store, networking, record, hostConfig, definition, settings } = parts;
  const namespace = networking.namespaces.path(record.ID);
  // One that the CLI runs with none, or that dockerd left.
  if (!existsSync(namespace)) throw new Failure("invalid", noneMode);
  const wanted = { key: definition.name, definition, settings, isMain: isMode(hostConfig, definition) };
  const request = connectRequest(record, hostConfig, wanted, namespace);
  const endpoint = await networking.endpoints.connect(request).catch(rethrowAsStart);
  try {
    const own = endpointsIn(networking, record.ID);
    const etc = await etcNetwork(store, networking, record, hostConfig, own);
    const joined = [...endpointLinks(endpoint, networking.endpoints.list()), ...ownEntries(record, endpoint)];
    await updateEtc(record, etc, { joined });
    const connected = connectedEndpoint(record, settings, { key: definition.name, definition, endpoint });
    await setEndpoint(store, record, definition.name, connected, portMap(record, own));
  } catch (error) {
    await networking.endpoints.disconnect(endpoint.id);
    throw error;
  }
}

async function setEndpoint(
  store: Store,
  { ID }: ContainerRecord,
  name: string,
  settings: EndpointSettings,
  Ports?: object,
): Promise<void> {
  await updateRecord(store, ID, (now) => ({
    ...now,
    NetworkSettings: {
      ...now.NetworkSettings,
      ...(Ports !== undefined && { Ports }),
      Networks: { ...endpointsOf(now), [name]: settings },
    },
  }));
}

function isMode({ NetworkMode }: HostConfig, { name, id }: NetworkDefinition): boolean {
  const mode = networkOfMode(NetworkMode);
  return mode === name || id.startsWith(mode);
}

const noneMode =
  "container cannot be connected to multiple networks with one of the networks in private (none) mode";

/** moby 20.10, daemon/container_operations.go, `updateNetworkSettings`, `validateNetworkingConfig`. */
function checkConnect(
  record: ContainerRecord,
  hostConfig: HostConfig,
  { name, driver }: NetworkDefinition,
  settings: Partial<EndpointSettings>,
): void {
  const networks = endpointsOf(record);
  if (driver === "host")
    throw new Failure(
      "invalid",
      "container cannot be disconnected from host network or connected to host network",
    );
  if (sharesNetwork(hostConfig))
    throw new Failure(
      "invalid",
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  if (name in networks && isAlive(record))
    throw new Failure(
      "denied",
      `endpoint with name ${record.Name.slice(1)} already exists in network ${name}`,
    );
  const others = Object.keys(networks).filter((other) => other !== name);
  if (others.includes("none") || (driver === "null" && others.length > 0))
    throw new Failure("invalid", noneMode);
  if (isPredefined(name)) checkPredefined(settings);
}
