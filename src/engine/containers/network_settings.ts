/** A new record's `NetworkSettings`: the networks that it is to be connected to when it starts. */
import { isIPv4, isIPv6 } from "node:net";
import { Failure } from "../../errors.ts";

/** What a client asks of a container's place in one network, and what it then has (Engine API, `EndpointSettings`). */
export interface EndpointSettings {
  IPAMConfig: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: string[] | null } | null;
  Links: string[] | null;
  Aliases: string[] | null;
  NetworkID: string;
  EndpointID: string;
  Gateway: string;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  MacAddress: string;
  DriverOpts: Record<string, string> | null;
  [unknown: string]: unknown;
}

export function emptyEndpoint(): EndpointSettings {
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    NetworkID: "",
    EndpointID: "",
    Gateway: "",
    IPAddress: "",
    IPPrefixLen: 0,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    MacAddress: "",
    DriverOpts: null,
  };
}

export type EndpointsConfig = Readonly<Record<string, Partial<EndpointSettings> | null>>;

/** @throws Failure("invalid") in Docker's words (moby 20.10, daemon/create.go, `verifyNetworkingConfig`) */
export function checkEndpoints(endpoints: EndpointsConfig): void {
  for (const [name, endpoint] of Object.entries(endpoints)) {
    if (endpoint === null) throw new Failure("invalid", `no EndpointSettings for ${name}`);
    const { IPv4Address = "", IPv6Address = "", LinkLocalIPs = [] } = endpoint.IPAMConfig ?? {};
    if (IPv4Address !== "" && !isIPv4(IPv4Address)) {
      throw new Failure("invalid", `invalid IPv4 address: ${IPv4Address}`);
    }
    if (IPv6Address !== "" && !isIPv6(IPv6Address)) {
      throw new Failure("invalid", `invalid IPv6 address: ${IPv6Address}`);
    }
    const bad = (LinkLocalIPs ?? []).find((address) => !isIPv4(address) && !isIPv6(address));
    if (bad !== undefined) throw new Failure("invalid", `invalid link-local IP address: ${bad}`);
  }
}

/**
 * As dockerd has it (moby 20.10, daemon/container_operations.go, `updateContainerNetworkSettings`): no networks for who
 * shares another's or has none, `default` by its real name.
 * @param anonymous its name was not the user's choice
 */
export function newNetworkSettings(
  mode: string,
  endpoints: EndpointsConfig,
  { disabled, anonymous }: { readonly disabled: boolean; readonly anonymous: boolean },
): Record<string, unknown> {
  return {
    Bridge: "",
    SandboxID: "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    Networks: disabled || /^(container|pod):/.test(mode) ? null : networks(mode, endpoints),
    Service: null,
    Ports: null,
    SandboxKey: "",
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    IsAnonymousEndpoint: anonymous,
    HasSwarmEndpoint: false,
  };
}

function networks(mode: string, endpoints: EndpointsConfig): Record<string, EndpointSettings> {
  const real = (name: string): string => (name === "default" ? "bridge" : name);
  const given = Object.entries(endpoints);
  const wanted = given.length > 0 ? given : [[mode, {}] as const];
  return Object.fromEntries(
    wanted.map(([name, endpoint]) => [
      real(name),
      { ...emptyEndpoint(), ...endpoint, IPAMOperational: false },
    ]),
  );
}
