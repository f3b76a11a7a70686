/**
 * Runs the benchmark where nothing of it can survive it: in mount and PID namespaces of its own. When the first
 * process there ends, however it ends, the kernel ends all others and drops all mounts, and the loop devices with them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { removeCgroups } from "./measure/cgroup.ts";
import { removeWork, workMarker } from "./work.ts";

/**
 * Starts this program again, inside, and waits for it. Ctrl-C reaches both; SIGTERM, or the end of this process,
 * closes the channel, which the inner one takes as a request to stop.
 * @returns its exit code
 */
export async function runIsolated(): Promise<number> {
  const work = mkdtempSync(join(tmpdir(), "varve-bench-"));
  const stop = new AbortController();
  const flags = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const child = spawn("unshare", [...flags, "--", process.execPath, ...process.argv.slice(1)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, [workMarker]: work },
  });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => {
      stop.abort();
      if (child.connected) child.disconnect();
    });
  }
  try {
    // Not "close": it never comes where this side has closed the channel.
    const [code] = (await once(child, "exit")) as [number | null];
    return stop.signal.aborted ? 130 : (code ?? 1);
  } finally {
    removeWork(work);
    removeCgroups(basename(work));
  }
}

/** Aborts when the user or the outer process wants an end. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const end = (): void => stop.abort(new Error("stopped"));
  process.on("SIGINT", end).on("SIGTERM", end).on("disconnect", end);
  return stop.signal;
}
