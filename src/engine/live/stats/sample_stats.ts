/** What a running container uses, as the kernel counts it now. */
import { totalmem } from "node:os";
import { hostCgroups } from "../../../runtime/index.ts";
import {
  cgroupPaths,
  kernelFiles,
  readNumber,
  readTable,
  readText,
  type CgroupPaths,
  type KernelFiles,
} from "./cgroup_files.ts";
import {
  blkioStats,
  noSample,
  type BlkioEntry,
  type CpuStats,
  type MemoryStats,
  type NetworkStats,
  type StatsSample,
} from "./stats_shape.ts";

/** Nanoseconds of the kernel's clock tick for programs: USER_HZ is 100 everywhere. */
const tick = 10_000_000;

/** @param hasNetwork whether its interfaces are its own */
export function sampleStats(pid: number, hasNetwork: boolean, files = kernelFiles): StatsSample {
  const paths = cgroupPaths(pid, files);
  if (paths === undefined) return noSample;
  const networks = hasNetwork ? networksOf(pid, files) : {};
  const counted = paths.version === 1 ? sampleV1(paths, files) : sampleV2(paths, files);
  return {
    pids_stats: pidsOf(paths),
    ...counted,
    ...(Object.keys(networks).length > 0 && { networks }),
  };
}

type Counted = Pick<StatsSample, "blkio_stats" | "cpu_stats" | "memory_stats">;

/** kernel Documentation/admin-guide/cgroup-v1. */
function sampleV1(paths: CgroupPaths, files: KernelFiles): Counted {
  const [cpuacct, memory, blkio] = [paths.of("cpuacct"), paths.of("memory"), paths.of("blkio")];
  const modes = readTable(`${cpuacct}/cpuacct.stat`);
  const throttled = readTable(`${paths.of("cpu")}/cpu.stat`);
  const failures = readNumber(`${memory}/memory.failcnt`) ?? 0;
  return {
    blkio_stats: blkioStats(
      blkioV1(`${blkio}/blkio.throttle.io_service_bytes_recursive`),
      blkioV1(`${blkio}/blkio.throttle.io_serviced_recursive`),
      [],
    ),
    cpu_stats: cpuStats(
      {
        total_usage: readNumber(`${cpuacct}/cpuacct.usage`) ?? 0,
        percpu_usage: (readText(`${cpuacct}/cpuacct.usage_percpu`) ?? "")
          .split(/\s+/)
          .filter(Boolean)
          .map(Number),
        usage_in_kernelmode: (modes["system"] ?? 0) * tick,
        usage_in_usermode: (modes["user"] ?? 0) * tick,
      },
      throttled,
      throttled["throttled_time"] ?? 0,
      files,
    ),
    memory_stats: {
      ...memoryUse(memory, "memory.usage_in_bytes"),
      max_usage: readNumber(`${memory}/memory.max_usage_in_bytes`) ?? 0,
      stats: readTable(`${memory}/memory.stat`),
      ...(failures > 0 && { failcnt: failures }),
      limit: memoryLimit(`${memory}/memory.limit_in_bytes`),
    },
  };
}

/** kernel Documentation/admin-guide/cgroup-v2.rst. */
function sampleV2(paths: CgroupPaths, files: KernelFiles): Counted {
  const group = paths.of("");
  const cpu = readTable(`${group}/cpu.stat`);
  return {
    blkio_stats: blkioStats(blkioV2(`${group}/io.stat`), null, null),
    cpu_stats: cpuStats(
      {
        total_usage: (cpu["usage_usec"] ?? 0) * 1000,
        usage_in_kernelmode: (cpu["system_usec"] ?? 0) * 1000,
        usage_in_usermode: (cpu["user_usec"] ?? 0) * 1000,
      },
      cpu,
      (cpu["throttled_usec"] ?? 0) * 1000,
      files,
    ),
    memory_stats: {
      ...memoryUse(group, "memory.current"),
      stats: readTable(`${group}/memory.stat`),
      limit: memoryLimit(`${group}/memory.max`),
    },
  };
}

function memoryUse(directory: string, file: string): Pick<MemoryStats, "usage"> {
  return { usage: readNumber(`${directory}/${file}`) ?? 0 };
}

/** Without a limit, what the machine has. */
function memoryLimit(path: string): number {
  return Math.min(readNumber(path) ?? Infinity, totalmem());
}

function cpuStats(
  cpu_usage: CpuStats["cpu_usage"],
  counts: Readonly<Record<string, number>>,
  throttled_time: number,
  files: KernelFiles,
): CpuStats {
  return {
    cpu_usage,
    system_cpu_usage: systemCpuUsage(files),
    online_cpus: hostCgroups().cpus,
    throttling_data: {
      periods: counts["nr_periods"] ?? 0,
      throttled_periods: counts["nr_throttled"] ?? 0,
      throttled_time,
    },
  };
}

/** The first seven of proc(5)'s counters; the time of guests is in them. */
function systemCpuUsage({ proc }: KernelFiles): number {
  const fields = /^cpu +(.*)$/m.exec(readText(`${proc}/stat`) ?? "")?.[1]?.split(" ") ?? [];
  return fields.slice(0, 7).reduce((sum, field) => sum + Number(field), 0) * tick;
}

function pidsOf(paths: CgroupPaths): StatsSample["pids_stats"] {
  const directory = paths.of("pids");
  const [current, limit] = [readNumber(`${directory}/pids.current`), readNumber(`${directory}/pids.max`)];
  return { ...(current !== undefined && { current }), ...(limit !== undefined && { limit }) };
}

/** `8:0 Read 4096`. */
function blkioV1(path: string): BlkioEntry[] {
  const lines = (readText(path) ?? "").matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm);
  return [...lines].map(([, major, minor, op = "", value]) => entry(major, minor, op, value));
}

/** `8:0 rbytes=4096 wbytes=0 …`. */
function blkioV2(path: string): BlkioEntry[] {
  const lines = (readText(path) ?? "").matchAll(/^(\d+):(\d+) .*?rbytes=(\d+) wbytes=(\d+)/gm);
  return [...lines].flatMap(([, major, minor, read, written]) => [
    entry(major, minor, "read", read),
    entry(major, minor, "write", written),
  ]);
}

function entry(major: unknown, minor: unknown, op: string, value: unknown): BlkioEntry {
  return { major: Number(major), minor: Number(minor), op, value: Number(value) };
}

/** /proc/PID/net/dev: eight counters of what came, eight of what went. */
function networksOf(pid: number, { proc }: KernelFiles): Record<string, NetworkStats> {
  const networks: Record<string, NetworkStats> = {};
  for (const [, name = "", counters = ""] of (readText(`${proc}/${pid}/net/dev`) ?? "").matchAll(
    /^\s*([^\s:]+):\s*(.*)$/gm,
  )) {
    if (name === "lo") continue;
    const [rx_bytes = 0, rx_packets = 0, rx_errors = 0, rx_dropped = 0, , , , , ...sent] = counters
      .split(/\s+/)
      .map(Number);
    const [tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_dropped = 0] = sent;
    networks[name] = {
      rx_bytes,
      rx_packets,
      rx_errors,
      rx_dropped,
      tx_bytes,
      tx_packets,
      tx_errors,
      tx_dropped,
    };
  }
  return networks;
}
