/** From a container's record to what is asked of `network/`. */
import type { ConnectRequest } from "../../network/index.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";
import { desiredMac } from "./endpoint_settings.ts";
import { sysctlsOfEndpoint } from "./endpoint_sysctls.ts";
import { portRequests } from "./port_requests.ts";
import type { WantedNetwork } from "./wanted_networks.ts";

/** @throws Failure("invalid") for ports that are none */
export function connectRequest(
  record: ContainerRecord,
  hostConfig: HostConfig,
  { definition, settings, isMain }: WantedNetwork,
  namespace: string,
): ConnectRequest {
  const shortId = record.ID.slice(0, 12);
  const given = (settings.Aliases ?? []).filter((alias) => alias !== shortId);
  // Not on the default network, where there are no names.
  const aliases = definition.name === "bridge" ? given : [...given, ...hostNames(record, shortId)];
  const { IPv4Address = "", IPv6Address = "", LinkLocalIPs } = settings.IPAMConfig ?? {};
  // Older clients give one for the container, which means its network mode's.
  const macAddress = desiredMac(settings) || (isMain ? String(record.Config["MacAddress"] ?? "") : "");
  const gatewayPriority = Number(settings["GwPriority"] ?? 0);
  return {
    network: definition.id,
    containerId: record.ID,
    containerName: record.Name.slice(1),
    namespace,
    aliases,
    links: settings.Links ?? [],
    ...(macAddress !== "" && { macAddress }),
    ...(IPv4Address !== "" && { ipv4Address: IPv4Address }),
    ...(IPv6Address !== "" && { ipv6Address: IPv6Address }),
    linkLocalIps: LinkLocalIPs ?? [],
    sysctls: sysctlsOfEndpoint(settings, hostConfig),
    ports: portRequests(record, hostConfig),
    dns: hostConfig.Dns ?? [],
    ...(gatewayPriority !== 0 && { gatewayPriority }),
  };
}

/** Docker finds a container by its host name, too, if that can be a name. */
function hostNames({ Config: { Hostname = "" } }: ContainerRecord, shortId: string): string[] {
  return Hostname !== shortId && /^[A-Za-z0-9_.-]+$/.test(Hostname) ? [Hostname] : [];
}
