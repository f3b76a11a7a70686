/**
 * `NetworkSettings` of a container's record: with what it has while it runs, and without (moby 20.10,
 * daemon/container_operations.go, `updateEndpointNetworkSettings`, `cleanOperationalData`).
 */
import { randomBytes } from "node:crypto";
import type { Endpoint, NetworkDefinition } from "../../network/index.ts";
import { emptyEndpoint, type EndpointSettings } from "../containers/network_settings.ts";
import type { ContainerRecord } from "../containers/record.ts";
import { portMap } from "./port_requests.ts";

export type NetworkSettings = Record<string, unknown>;

/** Where a container is connected: `endpoint` is undefined for `host` and `none`, which have none. */
export interface Connected {
  readonly key: string;
  readonly definition: NetworkDefinition;
  readonly endpoint: Endpoint | undefined;
}

/** @param sandboxKey file of the network namespace */
export function connectedSettings(
  record: ContainerRecord,
  now: NetworkSettings,
  places: readonly Connected[],
  sandboxKey: string,
): NetworkSettings {
  const Networks = { ...networksOf(now) };
  for (const place of places) {
    const before = Networks[place.key] ?? emptyEndpoint();
    delete Networks[place.key];
    Networks[place.definition.name] = connectedEndpoint(record, before, place);
  }
  const endpoints = places.flatMap(({ endpoint }) => endpoint ?? []);
  return {
    ...now,
    SandboxID: randomBytes(32).toString("hex"),
    SandboxKey: sandboxKey,
    Ports: portMap(record, endpoints),
    Networks,
  };
}

/** Of one endpoint. */
export function connectedEndpoint(
  record: ContainerRecord,
  before: EndpointSettings,
  { definition, endpoint }: Connected,
): EndpointSettings {
  const wanted = desiredMac(before);
  const common = {
    ...before,
    NetworkID: definition.id,
    IPAMOperational: false,
    ...(wanted !== "" && { DesiredMacAddress: wanted }),
  };
  if (endpoint === undefined) return { ...common, EndpointID: randomBytes(32).toString("hex") };
  const { ipv4, ipv6, macAddress, id } = endpoint;
  return {
    ...common,
    ...(definition.name !== "bridge" && namesOf(record, before)),
    EndpointID: id,
    Gateway: ipv4.gateway ?? "",
    IPAddress: ipv4.address,
    IPPrefixLen: ipv4.prefix,
    IPv6Gateway: ipv6?.gateway ?? "",
    GlobalIPv6Address: ipv6?.address ?? "",
    GlobalIPv6PrefixLen: ipv6?.prefix ?? 0,
    MacAddress: macAddress,
  };
}

function namesOf({ ID, Name, Config }: ContainerRecord, { Aliases }: EndpointSettings) {
  const own = [ID.slice(0, 12), Config.Hostname ?? ""].filter((name) => name !== "");
  const aliases = [...new Set([...(Aliases ?? []), ...own])];
  return { Aliases: aliases, DNSNames: [...new Set([Name.slice(1), ...aliases])] };
}

/** The address that the user asked for; once connected, `MacAddress` is the one in use. */
export function desiredMac(settings: EndpointSettings): string {
  const kept = settings["DesiredMacAddress"];
  if (typeof kept === "string" && kept !== "") return kept;
  return settings.EndpointID === "" ? settings.MacAddress : "";
}

/** After a run: what was asked for stays. */
export function endedSettings(now: NetworkSettings): NetworkSettings {
  const networks = now["Networks"];
  if (networks === null || networks === undefined) return now;
  return {
    ...now,
    Ports: null,
    Networks: Object.fromEntries(
      Object.entries(networksOf(now)).map(([name, settings]) => [name, endedEndpoint(settings)]),
    ),
  };
}

function endedEndpoint(settings: EndpointSettings): EndpointSettings {
  // As it came from the user: it has not been connected yet.
  if (settings.EndpointID === "") return settings;
  const { IPAMConfig, Links, Aliases, NetworkID, DriverOpts } = settings;
  const { NetworkID: _id, MacAddress: _mac, ...rest } = emptyEndpoint();
  return { ...settings, ...rest, IPAMConfig, Links, Aliases, NetworkID, DriverOpts, MacAddress: "" };
}

/** As `inspect` shows it: without what is for the engine alone, with the fields that are older than networks. */
export function shownSettings(now: NetworkSettings): NetworkSettings {
  const networks = networksOf(now);
  const { bridge = emptyEndpoint() } = networks;
  return {
    Bridge: now["Bridge"] ?? "",
    SandboxID: now["SandboxID"] ?? "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    Ports: now["Ports"] ?? {},
    SandboxKey: now["SandboxKey"] ?? "",
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge.EndpointID,
    Gateway: bridge.Gateway,
    GlobalIPv6Address: bridge.GlobalIPv6Address,
    GlobalIPv6PrefixLen: bridge.GlobalIPv6PrefixLen,
    IPAddress: bridge.IPAddress,
    IPPrefixLen: bridge.IPPrefixLen,
    IPv6Gateway: bridge.IPv6Gateway,
    MacAddress: bridge.EndpointID === "" ? "" : bridge.MacAddress,
    Networks: Object.fromEntries(Object.entries(networks).map(([name, one]) => [name, shownEndpoint(one)])),
  };
}

/** Of one network, as every answer shows it. Docker 20.10 knows no `DNSNames`: they are there where there are some. */
export function shownEndpoint(settings: EndpointSettings): EndpointSettings {
  const { IPAMOperational: _internal, DesiredMacAddress: _kept, DNSNames, ...shown } = settings;
  return { ...shown, ...(Array.isArray(DNSNames) && settings.EndpointID !== "" && { DNSNames }) };
}

function networksOf(settings: NetworkSettings): Record<string, EndpointSettings> {
  return (settings["Networks"] as Record<string, EndpointSettings> | null | undefined) ?? {};
}
