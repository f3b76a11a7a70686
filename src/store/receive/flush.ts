/** Bringing a whole file system to the disk. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { syncfs } from "../../sys/index.ts";

/**
 * Writes back everything on the file system that holds `path`: one call for all layers of an image, where an fsync of
 * each of their files would take a thousand times as long. `syncfs(2)` may take seconds, so a child process waits for
 * it (sync(1) of coreutils and busybox alike); where there is none this thread does.
 */
export async function flush(path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const child = spawn("sync", ["-f", path], { stdio: "ignore" });
  child.once("error", reject);
  child.once("exit", resolve);
  const code = await promise.catch(() => null);
  if (code !== 0) flushHere(path);
}

function flushHere(path: string): void {
  const fd = openSync(path, "r");
  try {
    syncfs(fd);
  } finally {
    closeSync(fd);
  }
}
