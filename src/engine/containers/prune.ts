/** `container prune`: removes what has ended. */
import { isFailure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { listRecords, type ContainerRecord } from "./record.ts";
import { writableSize } from "./size.ts";
import { reconcile } from "./state.ts";

export interface PruneContainersOptions {
  /** Only those that it says yes to. */
  readonly only: (record: ContainerRecord) => boolean;
  readonly remove: (id: string) => Promise<void>;
  /** Ends it between two containers. */
  readonly signal: AbortSignal;
}

export interface PrunedContainers {
  readonly removed: readonly string[];
  /** Bytes of the writable layers that went. */
  readonly spaceReclaimed: number;
}

/** One that is started or removed meanwhile is passed over. */
export async function pruneContainers(
  store: Store,
  { only, remove, signal }: PruneContainersOptions,
): Promise<PrunedContainers> {
  const removed: string[] = [];
  let spaceReclaimed = 0;
  for (const found of await listRecords(store.root)) {
    if (signal.aborted) break;
    const record = await reconcile(store, found);
    if (record.State.Running || !only(record)) continue;
    const size = await writableSize(store, record.ID);
    try {
      await remove(record.ID);
    } catch (error) {
      if (isFailure(error, "conflict") || isFailure(error, "not-found")) continue;
      throw error;
    }
    removed.push(record.ID);
    spaceReclaimed += size;
  }
  return { removed, spaceReclaimed };
}
