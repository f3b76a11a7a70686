/** How many inodes a layer takes in the file system of the root. */
import type { CacheId } from "../driver/index.ts";
import { DiskUsage } from "./disk_usage.ts";
import { driverPaths } from "./driver_folder.ts";
import type { Store } from "./types.ts";

/** A walk through all its files; for a driver that keeps tars these are few. */
export async function layerInodes(store: Store, id: CacheId): Promise<number> {
  const usage = new DiskUsage();
  for (const path of driverPaths(store, id)) await usage.of(path);
  return usage.inodes;
}
