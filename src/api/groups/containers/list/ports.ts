/** Ports of a list's row (moby, container/view.go, `transform`). */
import type { ContainerOverview } from "../../../../engine/index.ts";

export interface Port {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

type Bindings = Readonly<Record<string, readonly { HostIp?: string; HostPort?: string }[] | null>>;

/** One for each place where it is published; one without for a port that is not. Only of a container that runs. */
export function portsOf({ NetworkSettings }: ContainerOverview["record"]): Port[] {
  const bindings = (NetworkSettings["Ports"] as Bindings | null | undefined) ?? {};
  return Object.entries(bindings).flatMap(([text, places]): Port[] => {
    const [number = "", Type = "tcp"] = text.split("/");
    const PrivatePort = Number(number);
    if (places === null || places.length === 0) return [{ PrivatePort, Type }];
    return places.map(({ HostIp = "", HostPort = "" }) => ({
      ...(HostIp !== "" && { IP: HostIp }),
      PrivatePort,
      ...(HostPort !== "" && { PublicPort: Number(HostPort) }),
      Type,
    }));
  });
}
