/** What this machine's control groups can do. */
import { existsSync, readFileSync } from "node:fs";
import { statfs } from "../sys/index.ts";

export interface HostCgroups {
  /** 2 where /sys/fs/cgroup is the unified hierarchy, else 1 (also for the hybrid layout). */
  readonly version: 1 | 2;
  /** Whether swap can be limited together with memory. */
  readonly swapLimit: boolean;
  /** Whether a group says how readily it is swapped out. */
  readonly swappiness: boolean;
  /** Whether groups share the time of real-time processes. */
  readonly realtime: boolean;
  /** Whether a group's use of one block device can be limited, and weighed against that of others. */
  readonly deviceRates: boolean;
  readonly deviceWeights: boolean;
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
    ...(version === 1 ? classicFeatures() : unifiedFeatures()),
    cpus: parseCpuList(onlineCpus).size,
    onlineCpus,
    onlineMems: readLine("/sys/devices/system/node/online") ?? "0",
  };
}

type Features = Pick<HostCgroups, "swappiness" | "realtime" | "deviceRates" | "deviceWeights">;

function classicFeatures(): Features {
  const has = (path: string): boolean => existsSync(`/sys/fs/cgroup/${path}`);
  return {
    swappiness: has("memory/memory.swappiness"),
    realtime: has("cpu/cpu.rt_runtime_us"),
    deviceRates: has("blkio/blkio.throttle.read_bps_device"),
    deviceWeights: has("blkio/blkio.weight_device") || has("blkio/blkio.bfq.weight_device"),
  };
}

/** The two that v2 has no more, and what the `io` controller does. */
function unifiedFeatures(): Features {
  const controllers = readLine("/sys/fs/cgroup/cgroup.controllers")?.split(" ") ?? [];
  const io = controllers.includes("io");
  return { swappiness: false, realtime: false, deviceRates: io, deviceWeights: io };
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
