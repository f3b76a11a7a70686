/** Options that cannot be meant together (moby, runconfig/hostconfig.go, `validateNetContainerMode`). */
import { Failure } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import { joinedContainer } from "./joined_namespaces.ts";
import type { EndpointsConfig } from "./network_settings.ts";
import type { HostConfig } from "./record.ts";

/**
 * Whoever shares a network has it as it is.
 * @param config as it was asked for
 * @throws Failure("invalid") in Docker's words
 */
export function checkConflicts(
  config: ContainerConfig,
  hostConfig: Partial<HostConfig>,
  endpoints: EndpointsConfig,
): void {
  const { UTSMode, NetworkMode = "", Dns, ExtraHosts } = hostConfig;
  const isJoined = joinedContainer(NetworkMode) !== undefined;
  const isShared = isJoined || NetworkMode === "host";
  const hasMac = Object.values(endpoints).some((endpoint) => Boolean(endpoint?.MacAddress));
  const hasName = Boolean(config.Hostname);
  const publishes = isGiven(hostConfig["PortBindings"]) || hostConfig["PublishAllPorts"] === true;
  const kind = isJoined ? "container type network" : "host type networking";
  const links = `${kind} can't be used with links. This would result in undefined behavior`;
  for (const [isConflict, what] of [
    [isJoined && hasName, "hostname and the network mode"],
    [UTSMode === "host" && hasName, "hostname and the UTS mode"],
    [isShared && isGiven(hostConfig["Links"]), links],
    [isJoined && isGiven(Dns), "dns and the network mode"],
    [isJoined && isGiven(ExtraHosts), "custom host-to-IP mapping and the network mode"],
    [isShared && hasMac, "mac-address and the network mode"],
    [isJoined && publishes, "port publishing and the container type network mode"],
    [isJoined && isGiven(config.ExposedPorts), "port exposing and the container type network mode"],
  ] as const) {
    if (isConflict) throw new Failure("invalid", `conflicting options: ${what}`);
  }
}

/** A list or a map that has something in it. */
function isGiven(value: unknown): boolean {
  return Object.keys((value as object | null | undefined) ?? {}).length > 0;
}
