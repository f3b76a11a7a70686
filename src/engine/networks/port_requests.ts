/** Ports of a container: what is to be published, and what is. */
import type { Endpoint, PortRequest, Protocol } from "../../network/index.ts";
import { Failure } from "../../errors.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";

interface HostPlace {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

/** Docker's map of ports: `80/tcp` to places on the host, null for one that is only exposed. */
export type PortMap = Record<string, { HostIp: string; HostPort: string }[] | null>;

/** @throws Failure("invalid") for what is no port */
export function portRequests(record: ContainerRecord, hostConfig: HostConfig): PortRequest[] {
  const bindings = Object.entries((hostConfig["PortBindings"] as Record<string, HostPlace[] | null>) ?? {});
  const bound = bindings.flatMap(([port, places]) =>
    // A port that is named without a place gets any.
    (places?.length ? places : [{}]).map((place) => portRequest(port, place)),
  );
  if (hostConfig["PublishAllPorts"] !== true) return bound;
  const isBound = (port: string): boolean => bindings.some(([other]) => fullName(other) === fullName(port));
  const others = exposedPorts(record).filter((port) => !isBound(port));
  return [...bound, ...others.map((port) => portRequest(port, {}))];
}

/** @param endpoints of one container; the first with ports serves them. Where none leads out none is exposed, says dockerd */
export function portMap(record: ContainerRecord, endpoints: readonly Endpoint[]): PortMap {
  const map: PortMap = {};
  if (endpoints.every(({ ipv4 }) => ipv4.gateway === undefined)) return map;
  for (const port of exposedPorts(record)) map[fullName(port)] = null;
  const { ports = [] } = endpoints.find((endpoint) => endpoint.ports.length > 0) ?? {};
  for (const { containerPort, protocol, hostIp, hostPort } of ports)
    (map[`${containerPort}/${protocol}`] ??= []).push({ HostIp: hostIp, HostPort: String(hostPort) });
  return map;
}

function exposedPorts({ Config }: ContainerRecord): string[] {
  return Object.keys(Config.ExposedPorts ?? {}).sort(
    (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
  );
}

function fullName(port: string): string {
  return port.includes("/") ? port : `${port}/tcp`;
}

function portRequest(port: string, { HostIp = "", HostPort = "" }: HostPlace): PortRequest {
  const [, number, protocol] = /^(\d{1,5})\/(tcp|udp|sctp)$/.exec(fullName(port).toLowerCase()) ?? [];
  if (number === undefined)
    throw new Failure("invalid", `invalid port specification: ${JSON.stringify(port)}`);
  return {
    containerPort: Number(number),
    protocol: protocol as Protocol,
    ...(HostIp !== "" && { hostIp: HostIp }),
    ...(HostPort !== "" && { hostPort: hostPortOf(HostPort) }),
  };
}

function hostPortOf(text: string): number | { first: number; last: number } {
  const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (first === undefined)
    throw new Failure("invalid", `invalid port specification: ${JSON.stringify(text)}`);
  return last === undefined ? Number(first) : { first: Number(first), last: Number(last) };
}
