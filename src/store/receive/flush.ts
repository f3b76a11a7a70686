/** Bringing whole file systems to the disk. */
import { closeSync, openSync, statSync } from "node:fs";
import { syncfsInPool } from "../../sys/index.ts";

/**
 * Writes back everything on the file systems that hold `paths`: one call for all layers of an image, where an fsync of
 * each of their files would take a thousand times as long. `syncfs(2)` may take seconds; the event loop goes on turning.
 */
export async function flush(paths: readonly string[]): Promise<void> {
  const devices = new Map(paths.map((path) => [statSync(path).dev, path]));
  for (const path of devices.values()) await flushOne(path);
}

async function flushOne(path: string): Promise<void> {
  const fd = openSync(path, "r");
  try {
    await syncfsInPool(fd);
  } finally {
    closeSync(fd);
  }
}
