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
  const platform = options.platform ?? hostPlatform();
  const image = await deriveImage(store, {
    tar,
    history: { created, comment: options.message ?? "Imported from -" },
    edit: (config) => {
      config.architecture = platform.architecture;
      config.os = platform.os;
      if (platform.variant !== undefined) config.variant = platform.variant;
      config.created = created;
      config.docker_version = dockerVersion;
      config.config = goContainerConfig(options.change?.({}) ?? {});
      config.container_config = goContainerConfig({});
    },
    signal: options.signal,
  });
  if (options.name !== undefined) {
    await store.names.set(options.name, image.id);
    await store.images.markUpdated(image.id);
  }
  return image;
}
