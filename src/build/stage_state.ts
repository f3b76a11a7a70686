/** How far a stage has come. */
import {
  chainIds,
  type ChainId,
  type ContainerConfig,
  type DiffId,
  type ImageConfig,
  type Platform,
} from "../oci/index.ts";
import type { StoredImage } from "../store/index.ts";

export interface StageState {
  /** The config that the image would have now; its `rootfs` is not kept up to date. */
  readonly image: ImageConfig;
  /** `image.config`. */
  readonly config: ContainerConfig;
  /** Bottom first. */
  readonly diffIds: readonly DiffId[];
  /** Chain ID of all of them; undefined: there is no layer yet. */
  readonly top: ChainId | undefined;
  /** The image that is exactly this: the base before any step, and in classic mode each step's. */
  readonly stored?: StoredImage;
  /** From this stage's `MAINTAINER` (classic mode). */
  readonly author?: string;
  /** How many of the layers came with the base image. */
  readonly baseLayers: number;
}

/** Fields of an image config that tell how another builder made it, and would be untrue of what is made here. */
const foreignFields = [
  "container",
  "container_config",
  "docker_version",
  "comment",
  "id",
  "parent",
  "moby.buildkit.cache.v0",
];

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A stage at its beginning, on `base` or on nothing. */
export function beginStage(base: StoredImage | undefined, platform: Platform): StageState {
  const image: ImageConfig =
    base === undefined
      ? {
          architecture: platform.architecture,
          ...(platform.variant !== undefined && { variant: platform.variant }),
          os: platform.os,
          rootfs: { type: "layers" },
        }
      : structuredClone(base.config);
  for (const field of foreignFields) delete image[field];
  const diffIds = base?.config.rootfs.diff_ids ?? [];
  return {
    image,
    config: withPath(image.config ?? {}),
    diffIds,
    top: chainIds(diffIds).at(-1),
    ...(base !== undefined && { stored: base }),
    baseLayers: diffIds.length,
  };
}

/** Every builder gives an image a search path if its base has none. */
function withPath(config: ContainerConfig): ContainerConfig {
  const env = config.Env ?? [];
  return env.some((variable) => variable.startsWith("PATH="))
    ? config
    : { ...config, Env: [...env, defaultPath] };
}
