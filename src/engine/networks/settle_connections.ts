/** What a kill has left of `network connect` and `network disconnect` of a container that runs. */
import type { Endpoint, Networking } from "../../network/index.ts";
import type { Store } from "../../store/index.ts";
import type { EndpointSettings } from "../containers/network_settings.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";
import type { NetworkSettings } from "./endpoint_settings.ts";
import { etcNetwork } from "./etc_network.ts";
import { endpointsIn } from "./networking_of.ts";
import { portMap } from "./port_requests.ts";
import { updateEtc } from "./update_etc.ts";
import { endpointsOf } from "./wanted_networks.ts";

/**
 * Takes back a connection that the record does not know, since nobody was told of it, and forgets one that has gone. For the
 * holder of {@link whileConnecting}.
 * @param record as it is now: it says where the container was connected when it began to run
 * @returns its `NetworkSettings` from now on; undefined: they are as they should be
 */
export async function settleConnections(
  store: Store,
  networking: Networking,
  record: ContainerRecord,
  hostConfig: HostConfig,
): Promise<((now: NetworkSettings) => NetworkSettings) | undefined> {
  const said = endpointsOf(record);
  const own = endpointsIn(networking, record.ID);
  const isKnown = ({ id }: Endpoint): boolean =>
    Object.values(said).some(({ EndpointID }) => EndpointID === id);
  const unknown = own.filter((endpoint) => !isKnown(endpoint));
  const gone = Object.entries(said).filter(
    ([, settings]) => isPlace(networking, settings) && !own.some(({ id }) => id === settings.EndpointID),
  );
  if (unknown.length + gone.length === 0) return undefined;
  for (const { id } of unknown) await networking.endpoints.disconnect(id);
  const kept = own.filter(isKnown);
  const left = [
    ...unknown.flatMap(({ ipv4, ipv6 }) => [ipv4.address, ipv6?.address ?? ""]),
    ...gone.flatMap(([, { IPAddress, GlobalIPv6Address }]) => [IPAddress, GlobalIPv6Address]),
  ].filter((address) => address !== "");
  await updateEtc(record, await etcNetwork(store, networking, record, hostConfig, kept), { left });
  const names = new Set(gone.map(([name]) => name));
  return (now) => ({
    ...now,
    Ports: portMap(record, kept),
    Networks: Object.fromEntries(
      Object.entries((now["Networks"] ?? {}) as object).filter(([name]) => !names.has(name)),
    ),
  });
}

/** Whether it is connected by an interface of its own; `host` and `none` need none. */
function isPlace({ networks }: Networking, { EndpointID, NetworkID }: EndpointSettings): boolean {
  if (EndpointID === "") return false;
  const definition = networks.list().find(({ id }) => id === NetworkID);
  return definition === undefined || definition.driver === "bridge";
}
