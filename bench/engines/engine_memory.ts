/** Memory of what stands behind an engine's containers. */
import { readFileSync } from "node:fs";
import type { Cgroup } from "../measure/cgroup.ts";

export interface EngineMemory {
  /** Bytes of daemons and name servers: with what they share counted by halves (PSS), and in full (RSS). */
  readonly daemon: number;
  readonly daemonResident: number;
  /** PSS of what stays with each container, all together. */
  readonly shims: number;
}

/** Names of programs, which the kernel cuts to 15 bytes. */
const shims = ["containerd-shim", "conmon"];

export function memoryOf({ procs }: Pick<Cgroup, "procs">): EngineMemory {
  const sum = { daemon: 0, daemonResident: 0, shims: 0 };
  for (const pid of readFileSync(procs, "utf8").trim().split("\n")) {
    try {
      const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
      const field = (key: string): number =>
        Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1] ?? 0) * 1024;
      if (shims.includes(name)) sum.shims += field("Pss");
      else {
        sum.daemon += field("Pss");
        sum.daemonResident += field("Rss");
      }
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum;
}
