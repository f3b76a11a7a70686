/**
 * Published ports of IPv6 addresses for containers that have none: the kernel cannot send them on. The daemon takes what comes
 * and passes it on, as Docker's proxies do; while no daemon runs, such ports are closed.
 */
import type { NetworkRecords } from "./network_state.ts";
import { relayTcp } from "./relay_tcp.ts";
import { relayUdp } from "./relay_udp.ts";
import type { PortBinding } from "./types.ts";
import { publishers } from "./way_out.ts";

/** Something that listens; disposing ends it, and all that is passed on through it. */
export type Relay = Disposable;

/** The address and port inside. */
export interface RelayTarget {
  readonly address: string;
  readonly port: number;
}

export interface RelayObstacle {
  readonly endpointId: string;
  readonly error: Error;
}

export class PortRelays {
  readonly #relays = new Map<string, Relay>();
  #ended = false;

  /** Listens for the endpoints on record, and for no others. @returns what cannot be listened for, as another program has it */
  async keep(records: Pick<NetworkRecords, "endpoints" | "networks">): Promise<RelayObstacle[]> {
    if (this.#ended) return [];
    const wanted = new Map(relayed(records).map((place) => [JSON.stringify(place), place] as const));
    for (const [key, relay] of this.#relays) {
      if (wanted.has(key)) continue;
      relay[Symbol.dispose]();
      this.#relays.delete(key);
    }
    const obstacles: RelayObstacle[] = [];
    for (const [key, { endpointId, hostIp, hostPort, protocol, target }] of wanted) {
      if (this.#relays.has(key)) continue;
      const relay = protocol === "tcp" ? relayTcp : relayUdp;
      try {
        this.#relays.set(key, await relay(hostIp, hostPort, target));
      } catch (error) {
        obstacles.push({ endpointId, error: error as Error });
      }
    }
    return obstacles;
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    for (const relay of this.#relays.values()) relay[Symbol.dispose]();
    this.#relays.clear();
  }
}

function relayed(
  records: Pick<NetworkRecords, "endpoints" | "networks">,
): (Omit<PortBinding, "containerPort"> & { endpointId: string; target: RelayTarget })[] {
  return publishers(records).flatMap(({ endpoint: { id, ports, ipv4 } }) =>
    ports
      .filter(({ hostIp, protocol }) => hostIp.includes(":") && protocol !== "sctp")
      .map(({ hostIp, hostPort, protocol, containerPort }) => ({
        endpointId: id,
        hostIp,
        hostPort,
        protocol,
        target: { address: ipv4.address, port: containerPort },
      })),
  );
}
