/** What the `json` of a layer directory says of an image, in the spelling of Docker. */
import { goContainerConfig, type ImageConfig } from "../oci/index.ts";

/** Docker's `V1Image` (moby, image/image.go) in the order of its fields, without `id` and `parent`. */
export function v1Body(config: Partial<ImageConfig>): Record<string, unknown> {
  const optional = (key: string, value: unknown): object => (value ? { [key]: value } : {});
  return {
    ...optional("comment", config["comment"]),
    created: config.created ?? "0001-01-01T00:00:00Z",
    ...optional("container", config.container),
    container_config: goContainerConfig(config.container_config ?? {}),
    ...optional("docker_version", config.docker_version),
    ...optional("author", config.author),
    ...(config.config && { config: goContainerConfig(config.config) }),
    ...optional("architecture", config.architecture),
    ...optional("variant", config.variant),
    ...optional("os", config.os),
  };
}
