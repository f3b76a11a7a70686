/** Where the driver keeps what belongs to one directory of it. */
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { CacheId } from "../driver/index.ts";
import { readTextIfThere } from "./read_small.ts";
import type { Store } from "./types.ts";

/** `ROOT/overlay2/<id>`, `ROOT/vfs/dir/<id>`. */
export function driverFolder(store: Store, id: CacheId): string {
  const { directory } = store.driver.target(id);
  // overlay2 keeps the content one step below its link, lower and work files.
  return basename(directory) === "diff" ? dirname(directory) : directory;
}

/**
 * All that `driver.remove(id)` takes away: the folder and what stands elsewhere for it. A short link's target is over
 * the 60 bytes that ext4 keeps inside an inode, so each takes a block of its own.
 */
export function driverPaths(store: Store, id: CacheId): string[] {
  const folder = driverFolder(store, id);
  switch (store.driver.name) {
    case "overlay2": {
      const link = readTextIfThere(join(folder, "link"));
      return link === undefined ? [folder] : [folder, join(dirname(folder), "l", basename(link))];
    }
    case "vfs":
      return [folder, join(realpathSync(store.root), "varve/vfs-parents", id)];
  }
}
