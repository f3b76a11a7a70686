/** Where the driver keeps what belongs to one directory of it. */
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { CacheId, Driver } from "../driver/index.ts";
import { isTarTarget } from "../layer/index.ts";
import { readTextIfThere } from "./read_small.ts";
import type { Store } from "./types.ts";

/** What holds the layer's content: its directory, or its tar. */
export function driverContent(driver: Pick<Driver, "target">, id: CacheId): string {
  const target = driver.target(id);
  return isTarTarget(target) ? target.tar : target.directory;
}

/** `ROOT/overlay2/<id>`, `ROOT/erofs/<id>`, `ROOT/vfs/dir/<id>`. */
export function driverFolder(store: Store, id: CacheId): string {
  const content = driverContent(store.driver, id);
  // All but vfs keep the content one step below, beside what belongs to it.
  return store.driver.name === "vfs" ? content : dirname(content);
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
    case "erofs":
      return [folder];
    case "vfs":
      return [folder, join(realpathSync(store.root), "varve/vfs-parents", id)];
  }
}
