/** What this machine's control groups can do. */
import { readFileSync } from "node:fs";
import { statfs } from "../sys/index.ts";

export interface HostCgroups {
  /** 2 where /sys/fs/cgroup is the unified hierarchy, else 1 (also for the hybrid layout). */
  readonly version: 1 | 2;
  /** Whether swap can be limited together with memory. */
  readonly swapLimit: boolean;
  /** Number of CPUs that are online. */
  readonly cpus: number;
  /** Lists such as `0-3,8`. */
  readonly onlineCpus: string;
  readonly onlineMems: string;
}

/** linux/magic.h */
const CGROUP2_SUPER_MAGIC = 0x63677270;

/** Asks the kernel. Nothing here throws: what cannot be read is taken as missing. */
export function hostCgroups(): HostCgroups {
  const version = fileSystemType("/sys/fs/cgroup") === CGROUP2_SUPER_MAGIC ? 2 : 1;
  const onlineCpus = readLine("/sys/devices/system/cpu/online") ?? "0";
  return {
    version,
    // v1 has the file only with swap accounting on; v2 always accounts (kernel cgroup-v2.rst).
    swapLimit: version === 2 || readLine("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes") !== undefined,
    cpus: parseCpuList(onlineCpus).size,
    onlineCpus,
    onlineMems: readLine("/sys/devices/system/node/online") ?? "0",
  };
}

/** The members of a list such as `0-3,8` (kernel cpusets, "FORMATS"); an empty set when it is none. */
export function parseCpuList(list: string): ReadonlySet<number> {
  const members = new Set<number>();
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(list)) return members;
  for (const range of list.split(",")) {
    const [first = 0, last = first] = range.split("-").map(Number);
    // No machine has more; a longer range is a slip that must not fill the memory.
    for (let cpu = first; cpu <= Math.min(last, 65_535); cpu++) members.add(cpu);
  }
  return members;
}

function fileSystemType(path: string): number | undefined {
  try {
    return statfs(path).type;
  } catch {
    return undefined;
  }
}

function readLine(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return undefined;
  }
}
