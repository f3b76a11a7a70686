/** The body of `create`: a config with two more fields (moby, runconfig/config.go, `ContainerConfigWrapper`). */
import { dictionary, pointer, struct } from "../../../http/index.ts";
import { endpointShape } from "../../networks/endpoint_shape.ts";
import { configFields } from "./config_shape.ts";
import { hostConfigShape } from "./host_config_shape.ts";

export const createShape = struct("runconfig.ContainerConfigWrapper", {
  ...configFields,
  HostConfig: pointer(hostConfigShape),
  NetworkingConfig: pointer(
    struct("network.NetworkingConfig", { EndpointsConfig: dictionary(pointer(endpointShape)) }),
  ),
});
