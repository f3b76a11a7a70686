import { publishedPorts, type ContainerOverview } from "../../../../engine/index.ts";

export interface Port {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

/** Ports of a list's row, in Docker's form (moby, container/view.go, `transform`). Only of a container that runs. */
export function portsOf(record: ContainerOverview["record"]): Port[] {
  return publishedPorts(record).map(({ port, protocol, address, hostPort }) => ({
    ...(address !== undefined && { IP: address }),
    PrivatePort: port,
    ...(hostPort !== undefined && { PublicPort: hostPort }),
    Type: protocol,
  }));
}
