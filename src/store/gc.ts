/** Garbage collection: what a crash, a kill or a full disk left, and nothing else. */
import { throwIfCancelled } from "../bytes/index.ts";
import { DiskUsage } from "./disk_usage.ts";
import { dropMountLocks } from "./gc/drop_mount_locks.ts";
import { endUnusedMounts } from "./gc/end_unused_mounts.ts";
import { findFiles } from "./gc/find_files.ts";
import { findMigration } from "./gc/find_migration.ts";
import { findReferences } from "./gc/find_references.ts";
import type { Garbage } from "./gc/types.ts";
import { dropFreeLocks } from "./locks.ts";
import { storePaths } from "./paths.ts";
import { openSession } from "./sessions.ts";
import type { Store } from "./types.ts";

export interface CollectOptions {
  /** Only finds and measures. */
  readonly dryRun?: boolean;
  /**
   * Milliseconds since the last change for which things are left alone that no session, living or dead, claims
   * (default 10 minutes): dockerd and older programs make directories without telling us.
   */
  readonly grace?: number;
  /** Milliseconds after which an unfinished download is given up (default 14 days). */
  readonly partialAge?: number;
  readonly signal?: AbortSignal;
}

export interface CollectedGarbage {
  readonly removed: readonly {
    /** What it is, in words: `layer`, `driver directory`, `partial download`, ... */
    readonly kind: string;
    /** Path, or ID of an image or layer. */
    readonly what: string;
    /** Bytes on the disk, as du(1) counts. */
    readonly bytes: number;
    /** Why nobody needs it. */
    readonly reason: string;
  }[];
  /** Sum over `removed`. */
  readonly bytes: number;
}

const defaultGrace = 10 * 60_000;
const defaultPartialAge = 14 * 24 * 3_600_000;

/**
 * Finds what no image, container, layer or living operation needs, and removes it. May run while other processes pull,
 * build and run: what they are making is claimed by their sessions (sessions.ts). Images without a name are no garbage.
 *
 * It may be killed at any point: what it takes out of the databases it claims first, and the next run finishes.
 */
export async function collectGarbage(store: Store, options: CollectOptions = {}): Promise<CollectedGarbage> {
  const { dryRun = false, grace = defaultGrace, partialAge = defaultPartialAge, signal } = options;
  const session = await openSession(store);
  try {
    const found: Garbage[] = [
      ...(await findReferences(store, session, { grace, dryRun })),
      ...(await findFiles(store, session, { grace, partialAge })),
      ...(await findMigration(store)),
      ...(dryRun ? [] : await endUnusedMounts(store)),
    ];
    const usage = new DiskUsage([], { whole: true });
    const removed: CollectedGarbage["removed"][number][] = [];
    for (const { kind, what, reason, paths, remove } of found) {
      throwIfCancelled(signal);
      let bytes = 0;
      for (const path of paths) bytes += await usage.of(path);
      if (!dryRun) await remove();
      removed.push({ kind, what, bytes, reason });
    }
    if (!dryRun) {
      dropFreeLocks(storePaths(store.root, store.driver.name).locks);
      await dropMountLocks(store);
    }
    await session.finish();
    return { removed, bytes: removed.reduce((sum, item) => sum + item.bytes, 0) };
  } catch (error) {
    session.abandon();
    throw error;
  }
}
