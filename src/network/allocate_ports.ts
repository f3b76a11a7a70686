/** Host ports for an endpoint (moby libnetwork/portallocator, drivers/bridge/port_mapping.go). */
import { readFileSync } from "node:fs";
import { Failure } from "../errors.ts";
import { parseIp } from "./ip_address.ts";
import { portObstacle } from "./port_obstacle.ts";
import type { PortBinding, PortRequest } from "./types.ts";

export interface PortAllocation {
  readonly requests: readonly PortRequest[];
  /** Ports of other endpoints. */
  readonly taken: readonly PortBinding[];
  /** Where to publish what names no address. */
  readonly hostBinding: string;
  /** Whether the endpoint has an IPv6 address. */
  readonly ipv6: boolean;
}

/**
 * A binding for each request, of ports that neither an endpoint nor, by a trial, another program of the host has.
 * @throws Failure("conflict") with Docker's texts; ("invalid"): no address, or none of the host; ("unsupported"): IPv6
 * without IPv6
 */
export async function allocatePorts(allocation: PortAllocation): Promise<PortBinding[]> {
  const bindings: PortBinding[] = [];
  for (const request of allocation.requests) {
    const { containerPort, protocol, hostIp = "" } = request;
    const ip = hostIp === "" ? allocation.hostBinding : hostIp;
    checkWords(request, ip);
    if (ip.includes(":") && !allocation.ipv6) {
      throw new Failure(
        "unsupported",
        `port ${containerPort} cannot be published on ${ip}: its network has no IPv6`,
        {
          hint: "create the network with --ipv6",
        },
      );
    }
    if (ip === "::1") {
      // There is no route_localnet for IPv6: what is sent on from ::1 is dropped.
      throw new Failure("unsupported", `port ${containerPort} cannot be published on ::1`, {
        hint: "publish it on 127.0.0.1 or on an address of an interface",
      });
    }
    const taken = [...allocation.taken, ...bindings];
    const hostPort = await choosePort({ containerPort, protocol, hostIp: ip }, request.hostPort, taken);
    bindings.push({ containerPort, protocol, hostIp: ip, hostPort });
  }
  return bindings;
}

/** They come from an API's body, and netavark makes command lines of them. */
function checkWords({ containerPort, protocol, hostPort = 0 }: PortRequest, ip: string): void {
  if (parseIp(ip) === undefined) throw new Failure("invalid", `Invalid ip address: ${ip}`);
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw new Failure("invalid", `Invalid proto: ${protocol}`);
  const { first, last } = typeof hostPort === "object" ? hostPort : { first: hostPort, last: hostPort };
  for (const port of [first, last])
    if (!isPort(port) && port !== 0) throw new Failure("invalid", `Invalid hostPort: ${port}`);
  if (!isPort(containerPort)) throw new Failure("invalid", `Invalid containerPort: ${containerPort}`);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}

type Place = Omit<PortBinding, "hostPort">;

async function choosePort(
  place: Place,
  wanted: PortRequest["hostPort"],
  taken: readonly PortBinding[],
): Promise<number> {
  if (typeof wanted === "number" && wanted !== 0) {
    await checkPort(place, wanted, taken);
    return wanted;
  }
  const { first, last } = typeof wanted === "object" ? wanted : ephemeralPorts();
  for (let port = first; port <= last; port++) {
    if (isTaken(place, port, taken)) continue;
    if ((await portObstacle(place.hostIp, port, place.protocol)) === undefined) return port;
  }
  throw new Failure("conflict", "all ports are allocated");
}

async function checkPort(place: Place, port: number, taken: readonly PortBinding[]): Promise<void> {
  const address = place.hostIp.includes(":") ? `[${place.hostIp}]:${port}` : `${place.hostIp}:${port}`;
  if (isTaken(place, port, taken))
    throw new Failure("conflict", `Bind for ${address} failed: port is already allocated`);
  const obstacle = await portObstacle(place.hostIp, port, place.protocol);
  if (obstacle === undefined) return;
  throw new Failure(
    obstacle.code === "EADDRNOTAVAIL" ? "invalid" : "conflict",
    `Error starting userland proxy: listen ${place.protocol}4 ${address}: bind: ${obstacle.text}`,
  );
}

/** Two addresses of which one stands for all are the same place. */
function isTaken(place: Place, port: number, taken: readonly PortBinding[]): boolean {
  return taken.some(
    (other) =>
      other.hostPort === port &&
      other.protocol === place.protocol &&
      (other.hostIp === place.hostIp || isEverywhere(other.hostIp) || isEverywhere(place.hostIp)),
  );
}

function isEverywhere(ip: string): boolean {
  return ip === "0.0.0.0" || ip === "::";
}

/** The kernel's range for outgoing connections, as dockerd takes it. */
function ephemeralPorts(): { first: number; last: number } {
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1");
    const [first = 0, last = 0] = text.trim().split(/\s+/).map(Number);
    if (first > 0 && last >= first) return { first, last };
  } catch {
    // No such file: dockerd's own range.
  }
  return { first: 49_153, last: 65_535 };
}
