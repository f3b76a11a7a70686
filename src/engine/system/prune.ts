/** `system prune`: everything that nobody uses, at once. */
import type { Store } from "../../store/index.ts";
import { collectGarbage } from "../../store/index.ts";
import type { Containers } from "../containers/index.ts";
import { writableSize } from "../containers/size.ts";
import type { Images } from "../images/index.ts";
import type { RemovedLine } from "../images/remove.ts";
import type { PrunedBuildCache } from "./build_cache.ts";

export interface SystemPruneOptions {
  /** Also named images that no container uses, and what they and the build cache both have. */
  readonly all?: boolean;
  /** Only those containers and images that it says yes to. */
  readonly only?: (what: {
    /** Milliseconds since 1970. */
    readonly created: number;
    readonly labels: Readonly<Record<string, string>>;
  }) => boolean;
  /** Of the build cache only what was not used since; milliseconds since 1970. */
  readonly unusedSince?: number;
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

interface Parts {
  readonly store: Store;
  readonly containers: Containers;
  readonly images: Images;
  readonly pruneCache: () => Promise<PrunedBuildCache>;
}

export async function pruneSystem(
  { store, containers, images, pruneCache }: Parts,
  options: SystemPruneOptions,
): Promise<SystemPruneResult> {
  let spaceReclaimed = 0;
  const removed: string[] = [];
  for (const container of await containers.list({ all: true })) {
    if (["running", "paused", "restarting"].includes(container.status)) continue;
    const { created, labels } = container;
    if (options.only?.({ created: Date.parse(created), labels }) === false) continue;
    spaceReclaimed += await writableSize(store, container.id);
    await containers.remove(container.id);
    removed.push(container.id);
  }
  const pruned = await images.prune(options);
  const cache = await pruneCache();
  const garbage = await collectGarbage(store, {});
  spaceReclaimed += pruned.spaceReclaimed + cache.spaceReclaimed + garbage.bytes;
  return { containers: removed, images: pruned.removed, buildCache: cache.deleted, spaceReclaimed };
}
