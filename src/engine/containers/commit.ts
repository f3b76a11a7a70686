/** `commit`: a container's writable layer becomes an image (behaviours B058, B059). */
import { deriveImage } from "../../image/index.ts";
import { goContainerConfig, type ContainerConfig, type Reference } from "../../oci/index.ts";
import type { Store, StoredImage } from "../../store/index.ts";
import { goTime } from "../time.ts";
import { dockerVersion } from "../version.ts";
import { whilePaused } from "./kill.ts";
import { mergeConfig } from "./merge_config.ts";
import type { ContainerRecord } from "./record.ts";
import { reconcile } from "./state.ts";
import { checkThere, whileThere } from "./while_there.ts";

export interface CommitOptions {
  readonly name?: Reference;
  readonly author?: string;
  readonly message?: string;
  /** What wins over the container's config, of which it then gets no more than an image has: no host name. */
  readonly config?: ContainerConfig;
  /** Instead of `config`: applies `--change` lines to the config. */
  readonly change?: (config: ContainerConfig) => ContainerConfig;
  /** Whether a running container stands still meanwhile (default true). */
  readonly pause?: boolean;
  readonly signal: AbortSignal;
}

/** Makes the image and names it. Throws `Failure("limit")` when its layer would be the 126th. */
export async function commitContainer(
  store: Store,
  found: ContainerRecord,
  options: CommitOptions,
): Promise<StoredImage> {
  const record = await reconcile(store, found);
  const make = (): Promise<StoredImage> =>
    whileThere(store, record.ID, () => imageOf(store, record, options));
  return options.pause === false ? make() : whilePaused(store, record, make);
}

async function imageOf(store: Store, record: ContainerRecord, options: CommitOptions): Promise<StoredImage> {
  const layer = await store.containers.get(record.ID);
  // Of one that is removed: an image without what it has changed would be none of it.
  if (layer === undefined) checkThere(store, record.ID);
  const base = await store.images.get(record.Image);
  const created = goTime(Date.now());
  const tar = layer === undefined ? undefined : store.driver.diff(layer.mountId, { signal: options.signal });
  return deriveImage(store, {
    ...(base !== undefined && { base }),
    ...(tar !== undefined && { tar }),
    ...(options.name !== undefined && { name: options.name }),
    history: {
      created,
      ...(options.author !== undefined && { author: options.author }),
      created_by: (record.Config.Cmd ?? []).join(" "),
      ...(options.message !== undefined && { comment: options.message }),
    },
    edit: (config) => {
      config.created = created;
      // The base's: the message of this commit is in its history row alone.
      delete config["comment"];
      delete config.author;
      if (options.author !== undefined) config.author = options.author;
      config.container = record.ID;
      config.container_config = goContainerConfig(record.Config);
      config.config = goContainerConfig(newConfig(record, options));
      config.docker_version = dockerVersion;
    },
    recordParent: true,
    signal: options.signal,
  });
}

function newConfig({ Config }: ContainerRecord, { config, change }: CommitOptions): ContainerConfig {
  if (config === undefined) return change?.(structuredClone(Config)) ?? Config;
  return { ...mergeConfig(config, Config), OnBuild: config.OnBuild ?? null };
}
