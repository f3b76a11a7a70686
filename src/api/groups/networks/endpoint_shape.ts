/** What a client may ask of a container's place in a network (moby, api/types/network, `EndpointSettings`). */
import { dictionary, integer, list, optional, pointer, struct, text } from "../../http/index.ts";

export const endpointShape = struct("network.EndpointSettings", {
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
