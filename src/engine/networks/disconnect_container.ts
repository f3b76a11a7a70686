/** `network disconnect` (moby, daemon, `DisconnectFromNetwork`). */
import { Failure, isFailure } from "../../errors.ts";
import type { NetworkDefinition, Networking } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";
import { findRecord, readHostConfig, readRecord, type ContainerRecord } from "../containers/record.ts";
import { isAlive } from "../containers/state.ts";
import { updateRecord } from "../containers/update_record.ts";
import type { EventBus } from "../events/event_bus.ts";
import { etcNetwork } from "./etc_network.ts";
import { endpointsIn, networkingOf, whileConnecting } from "./networking_of.ts";
import { portMap } from "./port_requests.ts";
import { tellNetwork } from "./tell_network.ts";
import { updateEtc } from "./update_etc.ts";
import { endpointsOf } from "./wanted_networks.ts";

/**
 * @param options `force`: also what is left of a container that is gone, or of a network
 * @throws Failure in Docker's words
 */
export async function disconnectContainer(
  store: Store,
  events: EventBus,
  term: string,
  container: string,
  { force = false }: { readonly force?: boolean } = {},
): Promise<void> {
  const networking = await networkingOf(store);
  let definition: NetworkDefinition;
  try {
    definition = networking.networks.inspect(term);
  } catch (error) {
    if (!isFailure(error, "not-found")) throw error;
    return strikeOff(store, networking, term, container, force ? undefined : error);
  }
  const found = await findRecord(store.root, container).catch((error: unknown) => {
    if (!force || !isFailure(error, "not-found")) throw error;
    return undefined;
  });
  if (found === undefined) return disconnectLeftover(networking, events, definition, container);
  await whileConnecting(store, found.ID, async () => {
    const record = readRecord(store.root, found.ID) ?? found;
    const isRunning = isAlive(record);
    if (definition.driver === "host" && isRunning)
      throw new Failure(
        "invalid",
        "container cannot be disconnected from host network or connected to host network",
      );
    const key = [definition.name, definition.id].find((name) => name in endpointsOf(record));
    if (key === undefined) throw notConnected(found.ID, definition, isRunning ? "" : "the ");
    if (isRunning) await disconnectLive(store, networking, record, definition);
    await forget(store, record, key, isRunning ? portMap(record, endpointsIn(networking, found.ID)) : null);
  });
  tellNetwork(events, "disconnect", definition, found.ID);
}

/**
 * A network that is gone, so that the container can be started without it.
 * @param gone thrown if the container runs
 */
async function strikeOff(
  store: Store,
  networking: Networking,
  term: string,
  container: string,
  gone: Failure | undefined,
): Promise<void> {
  const found = await findRecord(store.root, container);
  await whileConnecting(store, found.ID, async () => {
    const record = readRecord(store.root, found.ID) ?? found;
    const isRunning = isAlive(record);
    if (isRunning && gone !== undefined) throw gone;
    const [key] =
      Object.entries(endpointsOf(record)).find(([name, { NetworkID }]) => [name, NetworkID].includes(term)) ??
      [];
    if (key === undefined) throw notConnected(found.ID, { name: term }, "the ");
    await forget(store, record, key, isRunning ? portMap(record, endpointsIn(networking, found.ID)) : null);
  });
}

async function disconnectLive(
  store: Store,
  networking: Networking,
  record: ContainerRecord,
  { id }: NetworkDefinition,
): Promise<void> {
  const endpoint = endpointsIn(networking, record.ID).find(({ networkId }) => networkId === id);
  if (endpoint === undefined) return;
  await networking.endpoints.disconnect(endpoint.id);
  const hostConfig = readHostConfig(store.root, record.ID);
  const etc = await etcNetwork(store, networking, record, hostConfig, endpointsIn(networking, record.ID));
  const left = [endpoint.ipv4.address, ...(endpoint.ipv6 === undefined ? [] : [endpoint.ipv6.address])];
  await updateEtc(record, etc, { left });
}

async function forget(
  store: Store,
  { ID }: ContainerRecord,
  key: string,
  ports: object | null,
): Promise<void> {
  await updateRecord(store, ID, (now) => {
    const { [key]: _left, ...Networks } = endpointsOf(now);
    const Ports = ports ?? now.NetworkSettings["Ports"];
    return { ...now, NetworkSettings: { ...now.NetworkSettings, Ports, Networks } };
  });
}

async function disconnectLeftover(
  networking: Networking,
  events: EventBus,
  definition: NetworkDefinition,
  container: string,
): Promise<void> {
  const endpoint = networking.endpoints
    .list()
    .find(
      ({ networkId, containerName, containerId }) =>
        networkId === definition.id && (containerName === container || containerId === container),
    );
  if (endpoint === undefined) throw new Failure("not-found", `endpoint ${container} not found`);
  await networking.endpoints.disconnect(endpoint.id);
  tellNetwork(events, "disconnect", definition, endpoint.containerId);
}

/** dockerd's texts differ by a word. */
function notConnected(id: string, { name }: Pick<NetworkDefinition, "name">, the: string): Failure {
  return new Failure("internal", `container ${id} is not connected to ${the}network ${name}`);
}
