/**
 * What stands between requests and garbage collection. Requests never wait for it and know nothing of its state: before
 * one relies on a file it withdraws the sentence over it, and what it finds missing it looks for in the trash.
 */
import type { StorageDriver } from "../storage/types.ts";
import { condemnedSince, withdraw } from "./condemned.ts";
import { systemClock, type GcClock } from "./gc_clock.ts";
import { copyBack, moveToTrash, settle, trashEntries, type ThrownBy } from "./trash.ts";

export interface BlobGuard {
  /**
   * Withdraws the sentence over files of the tree. To be called **before** their existence is checked, or they are
   * written, on behalf of a client that will rely on them. Returns whether one was condemned.
   */
  claim(paths: readonly string[]): Promise<boolean>;
  /**
   * After a file was not found: copies it back if garbage collection took it away. False: there is none, or a request
   * deleted it.
   */
  recover(path: string): Promise<boolean>;
  /** Throws files into the trash, from where only `undelete` gets them. Those that are not there are overlooked. */
  discard(paths: readonly string[], by: Exclude<ThrownBy, "gc">): Promise<void>;
}

/** @param storage must be the one that garbage collection works on */
export function guardOf(storage: StorageDriver, clock: GcClock = systemClock): BlobGuard {
  const recovering = new Map<string, Promise<boolean>>();
  return {
    claim: async (paths) => (await Promise.all(paths.map((path) => claimOne(storage, path)))).includes(true),
    async recover(path) {
      // Many clients miss one large blob at once: it is copied once.
      const running = recovering.get(path) ?? recoverOne(storage, path, clock);
      recovering.set(path, running);
      return running.finally(() => recovering.delete(path));
    },
    async discard(paths, by) {
      for (const path of paths) {
        await moveToTrash(storage, path, by, clock);
        // An earlier one that garbage collection threw away must not come back in its stead, whatever clocks say.
        const entries = await trashEntries(storage, path);
        for (const entry of entries) if (entry.by === "gc") await settle(storage, entry, by);
      }
    },
  };
}

async function claimOne(storage: StorageDriver, path: string): Promise<boolean> {
  if ((await condemnedSince(storage, path)) === undefined) return false;
  await withdraw(storage, path);
  return true;
}

async function recoverOne(storage: StorageDriver, path: string, clock: GcClock): Promise<boolean> {
  const newest = (await trashEntries(storage, path))[0];
  if (newest?.by !== "gc") return false;
  // No client's signal: others may wait for the same copy.
  if (await copyBack(storage, newest, clock, new AbortController().signal)) return true;
  // Purged or taken out meanwhile; in the latter case it is at its place.
  return (await storage.stat(path)) !== undefined;
}
