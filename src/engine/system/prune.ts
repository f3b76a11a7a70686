/** `system prune`: everything that nobody uses, at once. */
import type { Store } from "../../store/index.ts";
import { collectGarbage } from "../../store/index.ts";
import type { Containers } from "../containers/index.ts";
import { writableSize } from "../containers/size.ts";
import { pruneImages } from "../images/prune.ts";
import type { RemovedLine } from "../images/remove.ts";

export interface SystemPruneOptions {
  /** Also named images that no container uses. */
  readonly all?: boolean;
}

export interface SystemPruneResult {
  readonly containers: readonly string[];
  readonly images: readonly RemovedLine[];
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
  const garbage = await collectGarbage(store, {});
  spaceReclaimed += images.spaceReclaimed + garbage.bytes;
  return { containers: removed, images: images.removed, spaceReclaimed };
}
