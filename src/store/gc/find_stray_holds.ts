/** What a loss of power left of the build cache: it would keep layers for nobody. */
import { CacheFolder, readHolds } from "../build_cache/cache_folder.ts";
import type { Store } from "../types.ts";
import type { Garbage } from "./types.ts";

/** Holds whose record is gone. The caller has the lock of references; unless `dryRun` they go at once. */
export function findStrayHolds(store: Store, dryRun: boolean): Garbage[] {
  const folder = new CacheFolder(store.root);
  const keys = new Set(folder.keys());
  return readHolds(store.root)
    .filter(({ key }) => !keys.has(key))
    .map(({ key, top }) => {
      if (!dryRun) folder.release(key, top);
      return {
        kind: "build cache hold",
        what: top,
        reason: "its record is gone",
        paths: [],
        remove: async () => undefined,
      };
    });
}
