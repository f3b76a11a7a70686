/** `system prune`: everything that nobody uses, at once. */
import type { Store } from "../../store/index.ts";
import { collectGarbage } from "../../store/index.ts";
import type { Containers } from "../containers/index.ts";
import { writableSize } from "../containers/size.ts";
import { pruneImages } from "../images/prune.ts";
import type { RemovedLine } from "../images/remove.ts";
import { pruneBuildCache } from "./build_cache.ts";

export interface SystemPruneOptions {
  /** Also named images that no container uses, and what they and the build cache both have. */
  readonly all?: boolean;
  readonly signal: AbortSignal;
}

export interface SystemPruneResult {
  readonly containers: readonly string[];
  readonly images: readonly RemovedLine[];
  /** IDs of records and cache mounts. */
  readonly buildCache: readonly string[];
  /** Bytes. */
  readonly spaceReclaimed: number;
}

export async function pruneSystem(
  store: Store,
  containers: Containers,
  options: SystemPruneOptions,
): Promise<SystemPruneResult> {
  let spaceReclaimed = 0;
  const removed: string[] = [];
  for (const container of await containers.list({ all: true })) {
    if (container.status === "running" || container.status === "paused") continue;
    spaceReclaimed += await writableSize(store, container.id);
    await containers.remove(container.id);
    removed.push(container.id);
  }
  const images = await pruneImages(store, options);
  const cache = await pruneBuildCache(store, options);
  const garbage = await collectGarbage(store, {});
  spaceReclaimed += images.spaceReclaimed + cache.spaceReclaimed + garbage.bytes;
  return { containers: removed, images: images.removed, buildCache: cache.deleted, spaceReclaimed };
}
