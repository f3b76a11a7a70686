import type { ContainerRecord } from "./record.ts";

/** A port of a container, and one place of the host where it is published, or none. */
export interface PublishedPort {
  readonly port: number;
  /** `tcp`, `udp` or `sctp`. */
  readonly protocol: string;
  readonly address?: string;
  readonly hostPort?: number;
}

type Bindings = Readonly<Record<string, readonly { HostIp?: string; HostPort?: string }[] | null>>;

/** Those that a container has while it runs; a port published in several places is there several times. */
export function publishedPorts({ NetworkSettings }: ContainerRecord): PublishedPort[] {
  const bindings = (NetworkSettings["Ports"] as Bindings | null | undefined) ?? {};
  return Object.entries(bindings).flatMap(([text, places]): PublishedPort[] => {
    const [number, protocol = "tcp"] = text.split("/");
    const port = Number(number);
    if (places === null || places.length === 0) return [{ port, protocol }];
    return places.map(({ HostIp: address = "", HostPort = "" }) => ({
      port,
      protocol,
      ...(address !== "" && { address }),
      ...(HostPort !== "" && { hostPort: Number(HostPort) }),
    }));
  });
}
