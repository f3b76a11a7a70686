/** What a network, an endpoint and a published port are: Docker's terms (moby api/types/network) in our own records. */

export type NetworkDriver = "bridge" | "host" | "null";

/** One range of addresses of a network, as the user gave it or as it was chosen. */
export interface IpamConfig {
  readonly subnet: string;
  /** Absent where the user named a subnet only, as dockerd shows it; the first address is the gateway then. */
  readonly gateway?: string;
  /** Addresses that nobody asks for by name are taken from here only. */
  readonly ipRange?: string;
  /** Addresses that belong to something else on the wire, by the name of that. */
  readonly auxAddresses?: Readonly<Record<string, string>>;
}

export interface NetworkDefinition {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly driver: NetworkDriver;
  readonly scope: "local";
  /** RFC 3339. */
  readonly created: string;
  /** Whether there is no way out. */
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly enableIPv6: boolean;
  readonly ipam: {
    readonly driver: string;
    /** Null: none were given, not even an empty list of them; Docker tells one from the other. */
    readonly options: Readonly<Record<string, string>> | null;
    readonly config: readonly IpamConfig[];
  };
  /** `com.docker.network.*`. */
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export type NetworkRequest = Pick<NetworkDefinition, "name"> &
  Partial<Omit<NetworkDefinition, "id" | "name" | "driver" | "scope" | "created" | "ipam">> & {
    /** Default "bridge". */
    readonly driver?: string;
    readonly ipam?: {
      readonly driver?: string;
      readonly options?: Readonly<Record<string, string>> | null;
      readonly config?: readonly Partial<IpamConfig>[];
    };
  };

export type Protocol = "tcp" | "udp" | "sctp";

/** A port to publish: `-p hostIp:hostPort:containerPort/protocol`. */
export interface PortRequest {
  readonly containerPort: number;
  readonly protocol: Protocol;
  /** Default: all addresses of the host, or the network's `host_binding_ipv4`. */
  readonly hostIp?: string;
  /** One port, the first free one of a range, or, absent or 0, any of the ephemeral ones. */
  readonly hostPort?: number | { readonly first: number; readonly last: number };
}

/** A published port. */
export interface PortBinding {
  readonly containerPort: number;
  readonly protocol: Protocol;
  readonly hostIp: string;
  readonly hostPort: number;
}

export interface EndpointAddress {
  readonly address: string;
  /** Length of the subnet's prefix. */
  readonly prefix: number;
  /** The way out; absent in an internal network. */
  readonly gateway?: string;
}

/** A container's place in a network. */
export interface Endpoint {
  /** 64 hex digits. */
  readonly id: string;
  readonly networkId: string;
  readonly containerId: string;
  readonly containerName: string;
  /** The container's namespace file. */
  readonly namespace: string;
  /** Its name inside: eth0, eth1, ... */
  readonly interfaceName: string;
  /** The name of its other end, on the host. */
  readonly hostInterface: string;
  readonly macAddress: string;
  readonly ipv4: EndpointAddress;
  readonly ipv6?: EndpointAddress;
  /** `--link-local-ip`: addresses besides, which lead no further than the network. Absent: none. */
  readonly linkLocal?: readonly Pick<EndpointAddress, "address" | "prefix">[];
  /** Settings of the interface below /proc/sys, by dotted name. Absent: none. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** Further names under which the network's containers find it. */
  readonly aliases: readonly string[];
  /** `--link container:alias`; for whoever writes /etc/hosts. */
  readonly links: readonly string[];
  readonly ports: readonly PortBinding[];
  /** Resolvers for names from outside, instead of the host's. */
  readonly dns: readonly string[];
  /** `gw-priority`: of a container's networks the one with the highest is the way out. Absent: 0. */
  readonly gatewayPriority?: number;
  /** It is being taken away, and may have lost parts. */
  readonly isLeaving?: true;
}

export interface ConnectRequest {
  /** Name or id. */
  readonly network: string;
  readonly containerId: string;
  readonly containerName: string;
  readonly namespace: string;
  readonly aliases?: readonly string[];
  readonly links?: readonly string[];
  readonly macAddress?: string;
  /** `--ip`, `--ip6`: this address and no other. */
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly linkLocalIps?: readonly string[];
  /**
   * `net.X.Y.IFNAME.Z`, or with a name: those of another interface are not this one's. `net.ipv6.conf.all.disable_ipv6` is
   * somebody else's to make; it is to be known that it will be so.
   */
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly ports?: readonly PortRequest[];
  readonly dns?: readonly string[];
  readonly gatewayPriority?: number;
}
