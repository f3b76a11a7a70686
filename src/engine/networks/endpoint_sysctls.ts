/**
 * Settings of interfaces: they can be made only when the endpoint is there, which may be after the runtime has made all
 * others (moby, daemon/libnetwork/osl/interface_linux.go, `setSysctls`).
 */
import { Failure } from "../../errors.ts";
import type { EndpointSettings } from "../containers/network_settings.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";
import { endpointsOf, sharesNetwork } from "./wanted_networks.ts";

const option = "com.docker.network.endpoint.sysctls";
const named = /^net\.[a-z0-9_]+\.[a-z0-9_]+\.(eth\d+)\.[a-z0-9_]+$/;

/** `--sysctl` without those of the interfaces that the container's endpoints will have. */
export function sysctlsOfRuntime(record: ContainerRecord, hostConfig: HostConfig): Record<string, string> {
  const own = Object.keys(endpointsOf(record)).length;
  if (sharesNetwork(hostConfig) || hostConfig.NetworkMode === "none") return hostConfig.Sysctls ?? {};
  const isLater = (name: string): boolean => Number(/^eth(\d+)$/.exec(interfaceOf(name))?.[1]) < own;
  return Object.fromEntries(Object.entries(hostConfig.Sysctls ?? {}).filter(([name]) => !isLater(name)));
}

/**
 * @returns values by name; `IFNAME` in a name is the endpoint's own interface
 * @throws Failure("invalid")
 */
export function sysctlsOfEndpoint(
  { DriverOpts }: EndpointSettings,
  hostConfig: HostConfig,
): Record<string, string> {
  const asked = Object.entries(hostConfig.Sysctls ?? {}).filter(
    ([name]) => interfaceOf(name) !== "" || name === "net.ipv6.conf.all.disable_ipv6",
  );
  const opted = String(DriverOpts?.[option] ?? "")
    .split(",")
    .filter((each) => each !== "");
  for (const each of opted) {
    // Whatever stands in the interface's place means the endpoint's.
    const [, group, name, value = ""] =
      /^(net\.[a-z0-9_]+\.[a-z0-9_]+)\.\w+\.([a-z0-9_]+)=(.*)$/s.exec(each.trim()) ?? [];
    if (group === undefined || name === undefined)
      throw new Failure("invalid", `expected sysctl '${each}' to have format net.X.Y.IFNAME.Z=value`);
    asked.push([`${group}.IFNAME.${name}`, value]);
  }
  return Object.fromEntries(asked);
}

function interfaceOf(name: string): string {
  return named.exec(name)?.[1] ?? "";
}
