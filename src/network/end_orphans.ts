/** netavark and iptables processes whose caller was killed. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

const patience = 10_000;

/**
 * Returns when none runs any more that works for this directory: they are let finish, since half a change is harder to take
 * back than a whole one; but not for ever. For the holder of the lock only: others' children would be taken for orphans.
 */
export async function endOrphans(directory: string): Promise<void> {
  const start = performance.now();
  for (let running = orphans(directory); running.length > 0; running = orphans(directory)) {
    if (performance.now() - start > patience) for (const pid of running) process.kill(pid, "SIGKILL");
    await setTimeout(20);
  }
}

function orphans(directory: string): number[] {
  const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return numbers.map(Number).filter((pid) => {
    const [program = "", ...words] = commandOf(pid);
    return /(netavark|iptables-restore)$/.test(program) && words.some((word) => isIn(word, directory));
  });
}

function isIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
