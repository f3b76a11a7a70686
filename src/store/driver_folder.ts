/** Where the driver keeps all of one directory's things. */
import { basename, dirname } from "node:path";
import type { CacheId } from "../driver/index.ts";
import type { Store } from "./types.ts";

/** `ROOT/overlay2/<id>`, `ROOT/vfs/dir/<id>`: what `driver.remove` takes away. */
export function driverFolder(store: Store, id: CacheId): string {
  const { directory } = store.driver.target(id);
  // overlay2 keeps the content one step below its link, lower and work files.
  return basename(directory) === "diff" ? dirname(directory) : directory;
}
