/** What `run` and `create` ask of an engine, whether it is in this process or a daemon. */
import type { EndpointSettings, HostConfig } from "../../engine/index.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import { containerConfig, type AttachedStreams, type ContainerFlagValues } from "./container_config.ts";
import { hostConfig } from "./host_config.ts";
import { parseNetworks } from "./parse_networks.ts";

export interface ContainerRequest {
  /** As the user wrote it. */
  readonly imageName: string;
  readonly name: string | undefined;
  readonly platform: string | undefined;
  readonly config: ContainerConfig;
  readonly hostConfig: Partial<HostConfig>;
  readonly endpoints: Readonly<Record<string, Partial<EndpointSettings>>>;
}

export interface RequestOptions {
  readonly attached: AttachedStreams;
  readonly autoRemove: boolean;
  /** Where the flags name no network. */
  readonly usualNetwork: "default" | "none";
}

/** Throws `Failure("invalid")` in Docker's words. */
export async function containerRequest(
  flags: ContainerFlagValues,
  args: readonly string[],
  { attached, autoRemove, usualNetwork }: RequestOptions,
): Promise<ContainerRequest> {
  const { mode = usualNetwork, endpoints } = parseNetworks({
    networks: [...flags.network, ...flags.net],
    aliases: [...flags["network-alias"], ...flags["net-alias"]],
    links: flags.link,
    ip: flags.ip,
    ip6: flags.ip6,
    linkLocal: flags["link-local-ip"],
    macAddress: flags["mac-address"],
  });
  return {
    imageName: args[0] as string,
    name: flags.name,
    platform: flags.platform,
    config: await containerConfig(flags, args, attached),
    hostConfig: hostConfig(flags, { autoRemove, networkMode: mode }),
    endpoints,
  };
}
