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
  /** Ports that the container has already, in another network: it keeps them where they fit. */
  readonly own?: readonly PortBinding[];
  /** Where to publish what names no address; default: on all, of both families where that can be. */
  readonly hostBinding?: string | undefined;
  /** What leads from the host's IPv6 addresses to the container: rules, since it has one itself, or somebody who passes on. */
  readonly ipv6: { readonly kernel: boolean; readonly relays: boolean };
}

/**
 * Bindings for each request, of ports that neither an endpoint nor, by a trial, another program of the host has.
 * @throws Failure("conflict") with Docker's texts; ("invalid"): no address, or none of the host; ("unsupported"): IPv6
 * without IPv6
 */
export async function allocatePorts(allocation: PortAllocation): Promise<PortBinding[]> {
  const bindings: PortBinding[] = [];
  // What has no choice comes first (moby, daemon/libnetwork/drivers/bridge/port_mapping_linux.go).
  const hasChoice = ({ hostPort = 0 }: PortRequest): boolean =>
    typeof hostPort === "object" || hostPort === 0;
  const ordered = allocation.requests.toSorted((a, b) => Number(hasChoice(a)) - Number(hasChoice(b)));
  for (const request of ordered) {
    const { containerPort, protocol } = request;
    const hostIps = hostIpsOf(request, allocation);
    for (const ip of hostIps) checkWords(request, ip);
    for (const ip of hostIps) checkIpv6(request, ip, allocation);
    const places = hostIps.map((hostIp) => ({ containerPort, protocol, hostIp }));
    const kept = keptPort(places, request.hostPort, allocation.own ?? [], bindings);
    const hostPort = kept ?? (await choosePort(places, request.hostPort, [...allocation.taken, ...bindings]));
    bindings.push(...places.map((place) => ({ ...place, hostPort })));
  }
  return bindings;
}

/** All IPv4 addresses come with all IPv6 ones, on the same port, unless the user has named an address. */
function hostIpsOf({ hostIp = "", protocol }: PortRequest, { hostBinding, ipv6 }: PortAllocation): string[] {
  const everywhere = "0.0.0.0";
  if (hostIp !== "") return [hostIp];
  if (hostBinding !== undefined && hostBinding !== everywhere) return [hostBinding];
  return ipv6.kernel || (ipv6.relays && protocol !== "sctp") ? [everywhere, "::"] : [everywhere];
}

function checkIpv6({ containerPort }: PortRequest, ip: string, { ipv6 }: PortAllocation): void {
  if (!ip.includes(":") || ipv6.relays) return;
  // There is no route_localnet for IPv6: what is sent on from ::1 is dropped.
  if (ipv6.kernel && ip !== "::1") return;
  throw new Failure("unsupported", `port ${containerPort} cannot be published on ${ip} without a daemon`, {
    hint:
      ip === "::1"
        ? "publish it on 127.0.0.1 or on an address of an interface"
        : "create the network with --ipv6, or run the container by a daemon",
  });
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

function keptPort(
  places: readonly Place[],
  wanted: PortRequest["hostPort"] = 0,
  own: readonly PortBinding[],
  given: readonly PortBinding[],
): number | undefined {
  const { first, last } =
    typeof wanted === "object" ? wanted : { first: wanted || 1, last: wanted || 65_535 };
  const isAt = (one: Place, other: Place): boolean =>
    one.hostIp === other.hostIp &&
    one.protocol === other.protocol &&
    one.containerPort === other.containerPort;
  const ports = own.filter((one) => places.some((place) => isAt(one, place))).map(({ hostPort }) => hostPort);
  return ports.find(
    (port) =>
      port >= first &&
      port <= last &&
      ports.filter((other) => other === port).length === places.length &&
      !given.some((one) => one.hostPort === port && places.some((place) => isAt(one, place))),
  );
}

/** One port for all of them. */
async function choosePort(
  places: readonly Place[],
  wanted: PortRequest["hostPort"],
  taken: readonly PortBinding[],
): Promise<number> {
  if (typeof wanted === "number" && wanted !== 0) {
    for (const place of places) await checkPort(place, wanted, taken);
    return wanted;
  }
  const { first, last } = typeof wanted === "object" ? wanted : ephemeralPorts();
  for (let port = first; port <= last; port++) if (await isFree(places, port, taken)) return port;
  throw new Failure("conflict", "all ports are allocated");
}

async function isFree(
  places: readonly Place[],
  port: number,
  taken: readonly PortBinding[],
): Promise<boolean> {
  if (places.some((place) => isTaken(place, port, taken))) return false;
  for (const { hostIp, protocol } of places)
    if ((await portObstacle(hostIp, port, protocol)) !== undefined) return false;
  return true;
}

async function checkPort(place: Place, port: number, taken: readonly PortBinding[]): Promise<void> {
  const address = place.hostIp.includes(":") ? `[${place.hostIp}]:${port}` : `${place.hostIp}:${port}`;
  if (isTaken(place, port, taken))
    throw new Failure("conflict", `Bind for ${address} failed: port is already allocated`);
  const obstacle = await portObstacle(place.hostIp, port, place.protocol);
  if (obstacle === undefined) return;
  throw new Failure(
    obstacle.code === "EADDRNOTAVAIL" ? "invalid" : "conflict",
    `Error starting userland proxy: listen ${place.protocol}${place.hostIp.includes(":") ? 6 : 4} ${address}: bind: ${obstacle.text}`,
  );
}

/** Two addresses of which one stands for all of its family are the same place. */
function isTaken(place: Place, port: number, taken: readonly PortBinding[]): boolean {
  const everywhere = place.hostIp.includes(":") ? "::" : "0.0.0.0";
  return taken.some(
    (other) =>
      other.hostPort === port &&
      other.protocol === place.protocol &&
      other.hostIp.includes(":") === place.hostIp.includes(":") &&
      (other.hostIp === place.hostIp || [other.hostIp, place.hostIp].includes(everywhere)),
  );
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
