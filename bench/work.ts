/** The working directory of a run. */
import { rmSync } from "node:fs";
import { basename } from "node:path";

/** Variable of the environment that tells the process inside. */
export const workMarker = "VARVE_BENCH_WORK";

/** The working directory, if this is the process inside; else undefined. */
export function insideWork(): string | undefined {
  return process.env[workMarker];
}

/** Of this run alone, for what has a name on the whole machine. */
export function runName(): string {
  return basename(insideWork() ?? "");
}

/** Both do it: the outer one may be gone, and the inner one cannot remove what it has mounted. */
export function removeWork(work: string): void {
  try {
    rmSync(work, { recursive: true, force: true });
  } catch {
    return;
  }
}
