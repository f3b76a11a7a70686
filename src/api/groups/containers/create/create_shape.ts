/** The body of `create`: a config with two more fields (moby, runconfig/config.go, `ContainerConfigWrapper`). */
import { dictionary, integer, list, optional, pointer, struct, text } from "../../../http/index.ts";
import { configFields } from "./config_shape.ts";
import { hostConfigShape } from "./host_config_shape.ts";

/** What a client may ask of a container's place in a network. */
const endpointShape = struct("network.EndpointSettings", {
  IPAMConfig: pointer(
    struct("network.EndpointIPAMConfig", {
      IPv4Address: optional(text),
      IPv6Address: optional(text),
      LinkLocalIPs: optional(list(text)),
    }),
  ),
  Links: list(text),
  Aliases: list(text),
  MacAddress: text,
  DriverOpts: dictionary(text),
  GwPriority: optional(integer("int")),
});

export const createShape = struct("runconfig.ContainerConfigWrapper", {
  ...configFields,
  HostConfig: pointer(hostConfigShape),
  NetworkingConfig: pointer(
    struct("network.NetworkingConfig", { EndpointsConfig: dictionary(pointer(endpointShape)) }),
  ),
});
