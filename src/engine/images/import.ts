/** `import`: a root filesystem's tar becomes an image of one layer (behaviours B109). */
import type { ByteSource } from "../../bytes/index.ts";
import { deriveImage } from "../../image/index.ts";
import {
  goContainerConfig,
  hostPlatform,
  type ContainerConfig,
  type Platform,
  type Reference,
} from "../../oci/index.ts";
import type { Store, StoredImage } from "../../store/index.ts";
import { goTime } from "../time.ts";
import { dockerVersion } from "../version.ts";

export interface ImportOptions {
  readonly name?: Reference;
  /** Default: `Imported from -`. */
  readonly message?: string;
  /** Applies `--change` lines to the config. */
  readonly change?: (config: ContainerConfig) => ContainerConfig;
  readonly platform?: Platform;
  readonly signal: AbortSignal;
}

/** Imports `tar`, compressed or not. Throws what unpacking throws; then nothing stays. */
export async function importImage(
  store: Store,
  tar: ByteSource,
  options: ImportOptions,
): Promise<StoredImage> {
  const created = goTime(Date.now());
  const comment = options.message ?? "Imported from -";
  const platform = options.platform ?? hostPlatform();
  return deriveImage(store, {
    tar,
    keepEmptyLayer: true,
    ...(options.name !== undefined && { name: options.name }),
    history: { created, comment },
    edit: (config) => {
      config.architecture = platform.architecture;
      config.os = platform.os;
      if (platform.variant !== undefined) config.variant = platform.variant;
      config.created = created;
      config["comment"] = comment;
      config.docker_version = dockerVersion;
      config.config = goContainerConfig(options.change?.({}) ?? {});
      config.container_config = goContainerConfig({});
    },
    signal: options.signal,
  });
}
