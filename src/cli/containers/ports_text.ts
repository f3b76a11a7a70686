/** The column PORTS of `ps` (docker/cli, cli/command/formatter/container.go, `DisplayablePorts`). */
import type { ContainerSummary } from "../../engine/index.ts";

type Port = ContainerSummary["ports"][number];

interface Range {
  readonly address: string;
  readonly protocol: string;
  readonly first: number;
  last: number;
}

/** Neighbours that are published under their own numbers, or not at all, become ranges: `0.0.0.0:80-82->80-82/tcp`. */
export function portsText(ports: readonly Port[]): string {
  const done: string[] = [];
  const mapped: string[] = [];
  const open = new Map<string, Range>();
  for (const { port, protocol, address = "", hostPort } of ports.toSorted(compare)) {
    if (address !== "" && hostPort !== port) {
      mapped.push(`${joined(address, String(hostPort ?? 0))}->${port}/${protocol}`);
      continue;
    }
    const key = `${address}/${protocol}`;
    const range = open.get(key);
    if (range !== undefined && port === range.last + 1) range.last = port;
    else {
      if (range !== undefined) done.push(rangeText(range));
      open.set(key, { address, protocol, first: port, last: port });
    }
  }
  return [...done, ...[...open.values()].map(rangeText), ...mapped].join(", ");
}

function compare(a: Port, b: Port): number {
  return (
    a.port - b.port ||
    order(a.address ?? "", b.address ?? "") ||
    (a.hostPort ?? 0) - (b.hostPort ?? 0) ||
    order(a.protocol, b.protocol)
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function rangeText({ address, protocol, first, last }: Range): string {
  const numbers = first === last ? String(first) : `${first}-${last}`;
  return `${address === "" ? numbers : `${joined(address, numbers)}->${numbers}`}/${protocol}`;
}

function joined(address: string, port: string): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
