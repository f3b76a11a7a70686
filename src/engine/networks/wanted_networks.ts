/** Which networks a container is to be connected to, by its record. */
import type { NetworkDefinition, Networks } from "../../network/index.ts";
import type { EndpointSettings } from "../containers/network_settings.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";

export interface WantedNetwork {
  /** Under which the record has it: a name, or an id where the user gave that. */
  readonly key: string;
  readonly definition: NetworkDefinition;
  readonly settings: EndpointSettings;
  /** Whether it is that of the network mode. */
  readonly isMain: boolean;
}

/** Whether every engine has a network of that name. */
export function isPredefined(name: string): boolean {
  return name === "bridge" || name === "host" || name === "none";
}

export function endpointsOf({ NetworkSettings }: ContainerRecord): Record<string, EndpointSettings> {
  return (NetworkSettings["Networks"] as Record<string, EndpointSettings> | null | undefined) ?? {};
}

/** The network of a mode: its real name. */
export function networkOfMode(mode: string): string {
  return mode === "default" || mode === "" ? "bridge" : mode;
}

/** Whether the container has the network of another one, of a pod, or of the host. */
export function sharesNetwork({ NetworkMode }: Pick<HostConfig, "NetworkMode">): boolean {
  return NetworkMode === "host" || /^(container|pod):/.test(NetworkMode);
}

/** Whether the mode is the name of a network that somebody has made. */
export function isUserDefined(NetworkMode: string): boolean {
  return !isPredefined(networkOfMode(NetworkMode)) && !sharesNetwork({ NetworkMode });
}

/**
 * The one of the network mode first: it is the way out.
 * @throws Failure("not-found") in Docker's words for one that has gone
 */
export function wantedNetworks(
  record: ContainerRecord,
  hostConfig: HostConfig,
  networks: Networks,
): WantedNetwork[] {
  const mode = networkOfMode(hostConfig.NetworkMode);
  const wanted = Object.entries(endpointsOf(record)).map(([key, settings]): WantedNetwork => {
    const definition = networks.inspect(termOf(key, settings));
    const isMain = definition.name === mode || (mode !== "" && definition.id.startsWith(mode));
    return { key, definition, settings, isMain };
  });
  return wanted.sort((one, other) => Number(other.isMain) - Number(one.isMain));
}

/** A network that was made anew under the name of another one is not that one (moby, daemon, `getNetworkID`). */
function termOf(key: string, { NetworkID }: EndpointSettings): string {
  return isPredefined(key) || NetworkID === "" ? key : NetworkID;
}
