/** What the kernel says of a process by its number. */
import { existsSync, readFileSync } from "node:fs";

/** Whether it is gone, or would be if its parent asked after it (proc(5), /proc/PID/stat: states Z and X). */
export function hasEnded(pid: number): boolean {
  try {
    return /\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return !existsSync(`/proc/${pid}`);
  }
}

/** Resolves when it has ended. It is no child of this process, so the kernel tells nobody: it has to be asked. */
export async function processEnd(pid: number): Promise<void> {
  while (!hasEnded(pid)) await new Promise(setImmediate);
}

export function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
