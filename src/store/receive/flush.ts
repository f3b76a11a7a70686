/** Bringing whole file systems to the disk. */
import { spawn } from "node:child_process";
import { closeSync, openSync, statSync } from "node:fs";
import { syncfs } from "../../sys/index.ts";

/**
 * Writes back everything on the file systems that hold `paths`: one call for all layers of an image, where an fsync of
 * each of their files would take a thousand times as long. `syncfs(2)` may take seconds, so a child process waits for
 * it (sync(1) of coreutils and busybox alike); where there is none this thread does.
 */
export async function flush(paths: readonly string[]): Promise<void> {
  const devices = new Map(paths.map((path) => [statSync(path).dev, path]));
  for (const path of devices.values()) await flushOne(path);
}

async function flushOne(path: string): Promise<void> {
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
