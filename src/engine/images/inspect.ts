/** `inspect` of an image, field by field as Docker 20.10 prints it (behaviours 5.2). */
import { layersOf } from "../../image/index.ts";
import { familiarReference, goContainerConfig, type ContainerConfig, type ImageId } from "../../oci/index.ts";
import { never, withoutTrailingZeros } from "../time.ts";
import type { Store, StoredImage } from "../../store/index.ts";

export interface ImageInspect {
  readonly Id: ImageId;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Parent: string;
  readonly Comment: string;
  readonly Created: string;
  readonly Container: string;
  readonly ContainerConfig: ContainerConfig;
  readonly DockerVersion: string;
  readonly Author: string;
  readonly Config: ContainerConfig | null;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  readonly Size: number;
  readonly VirtualSize: number;
  readonly GraphDriver: { readonly Data: Readonly<Record<string, string>> | null; readonly Name: string };
  readonly RootFS: { readonly Type: string; readonly Layers?: readonly string[] };
  readonly Metadata: { readonly LastTagTime: string };
}

/** Keys in the order of Docker's Go structs; absent ones take Go's zero value, as Docker's client shows them. */
export async function inspectImage(store: Store, image: StoredImage): Promise<ImageInspect> {
  const { config } = image;
  const layers = await layersOf(store, image);
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  const top = layers.at(-1);
  const names = await store.names.namesOf(image.id);
  return {
    Id: image.id,
    RepoTags: names.filter((name) => name.digest === undefined).map(familiarReference),
    RepoDigests: names.filter((name) => name.digest !== undefined).map(familiarReference),
    Parent: image.parent ?? "",
    // Docker's old own key first, then what `commit -m` writes (moby, daemon/images/image_inspect).
    Comment: (config["comment"] as string | undefined) || (config.history?.at(-1)?.comment ?? ""),
    Created: config.created === undefined ? never : withoutTrailingZeros(config.created),
    Container: config.container ?? "",
    ContainerConfig: goContainerConfig(config.container_config ?? {}),
    DockerVersion: config.docker_version ?? "",
    Author: config.author ?? "",
    Config: config.config === null || config.config === undefined ? null : goContainerConfig(config.config),
    Architecture: config.architecture,
    ...(config.variant !== undefined && { Variant: config.variant }),
    Os: config.os,
    Size: size,
    VirtualSize: size,
    GraphDriver: {
      Data: top === undefined ? null : await store.driver.graphData(top.cacheId),
      Name: store.driver.name,
    },
    RootFS: {
      Type: config.rootfs.type,
      ...(layers.length > 0 && { Layers: config.rootfs.diff_ids ?? [] }),
    },
    Metadata: { LastTagTime: image.lastUpdated ?? never },
  };
}
