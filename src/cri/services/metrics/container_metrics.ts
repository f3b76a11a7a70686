/** Metrics of containers, by cAdvisor's names (github.com/google/cadvisor, docs/storage/prometheus.md), as containerd 2 has them. */
import type { ContainerRecord, ContainerStats, HostConfig, ProcessCounts } from "../../../engine/index.ts";
import { nanoseconds } from "../moments.ts";
import { counter, counters, gauge, type Metric, type Value } from "./metric.ts";
import { workingSet } from "./working_set.ts";

export interface CountedContainer {
  readonly record: ContainerRecord;
  readonly hostConfig: HostConfig;
  readonly stats: ContainerStats;
  readonly processes: ProcessCounts;
  /** Bytes of its writable layer. */
  readonly written: number;
  /** What it lies on. */
  readonly disk: { readonly bytes: number; readonly files: number; readonly freeFiles: number };
}

type Of = CountedContainer;

const second = 1e9;

/** By its name on cgroup v1, with what is below it; else by that on v2. */
const memory = ({ stats }: Of, v1: string, v2: string): number | undefined =>
  stats.memory_stats.stats?.[`total_${v1}`] ?? stats.memory_stats.stats?.[v2];

const cpu: readonly Metric<Of>[] = [
  counter("container_cpu_user_seconds_total", "Processor time of programs, in seconds", ({ stats }) =>
    inSeconds(stats.cpu_stats.cpu_usage.usage_in_usermode),
  ),
  counter("container_cpu_system_seconds_total", "Processor time of the kernel, in seconds", ({ stats }) =>
    inSeconds(stats.cpu_stats.cpu_usage.usage_in_kernelmode),
  ),
  counter("container_cpu_usage_seconds_total", "Processor time, in seconds", ({ stats }) =>
    inSeconds(stats.cpu_stats.cpu_usage.total_usage),
  ),
  counter(
    "container_cpu_cfs_periods_total",
    "Periods in which a quota was looked at",
    ({ stats }) => stats.cpu_stats.throttling_data.periods,
  ),
  counter(
    "container_cpu_cfs_throttled_periods_total",
    "Periods in which it had to wait",
    ({ stats }) => stats.cpu_stats.throttling_data.throttled_periods,
  ),
  counter("container_cpu_cfs_throttled_seconds_total", "Time that it had to wait, in seconds", ({ stats }) =>
    inSeconds(stats.cpu_stats.throttling_data.throttled_time),
  ),
  gauge(
    "container_spec_cpu_period",
    "Period of its processor quota",
    ({ hostConfig }) => hostConfig.CpuPeriod || undefined,
  ),
  gauge(
    "container_spec_cpu_quota",
    "Its processor quota, in microseconds a period",
    ({ hostConfig }) => hostConfig.CpuQuota || undefined,
  ),
  gauge(
    "container_spec_cpu_shares",
    "Shares of the processor",
    ({ hostConfig }) => hostConfig.CpuShares || undefined,
  ),
];

function inSeconds(nanos: number): number {
  return nanos / second;
}

const memories: readonly Metric<Of>[] = [
  gauge("container_memory_cache", "Page cache, in bytes", (of) => memory(of, "cache", "file")),
  gauge("container_memory_rss", "Anonymous memory, in bytes", (of) => memory(of, "rss", "anon")),
  gauge("container_memory_mapped_file", "Mapped files, in bytes", (of) =>
    memory(of, "mapped_file", "file_mapped"),
  ),
  gauge("container_memory_total_active_file_bytes", "Files used of late, in bytes", (of) =>
    memory(of, "active_file", "active_file"),
  ),
  gauge("container_memory_total_inactive_file_bytes", "Files not used of late, in bytes", (of) =>
    memory(of, "inactive_file", "inactive_file"),
  ),
  gauge(
    "container_memory_kernel_usage",
    "Memory of the kernel's for it, in bytes",
    ({ processes }) => processes.kernelMemory,
  ),
  gauge("container_memory_swap", "Swap, in bytes", ({ processes }) => processes.swap),
  gauge("container_memory_usage_bytes", "All memory, in bytes", ({ stats }) => stats.memory_stats.usage),
  gauge(
    "container_memory_max_usage_bytes",
    "The most that it ever had, in bytes",
    ({ stats }) => stats.memory_stats.max_usage,
  ),
  gauge("container_memory_working_set_bytes", "Memory less files not used of late, in bytes", ({ stats }) =>
    workingSet(stats.memory_stats),
  ),
  counter(
    "container_memory_failcnt",
    "How often it met its limit; counted on cgroup v1",
    ({ stats }) => stats.memory_stats.failcnt ?? 0,
  ),
  counters("container_memory_failures_total", "Page faults", ["failure_type", "scope"], (of) => [
    [memory(of, "pgfault", "pgfault"), "pgfault", "container"],
    [memory(of, "pgmajfault", "pgmajfault"), "pgmajfault", "container"],
  ]),
  counter(
    "container_oom_events_total",
    "Processes killed for want of memory",
    ({ processes }) => processes.oomKills,
  ),
  gauge(
    "container_spec_memory_limit_bytes",
    "Its limit, 0 without one",
    ({ hostConfig }) => hostConfig.Memory,
  ),
  gauge(
    "container_spec_memory_reservation_limit_bytes",
    "Its soft limit, 0 without one",
    ({ hostConfig }) => hostConfig.MemoryReservation,
  ),
  gauge(
    "container_spec_memory_swap_limit_bytes",
    "Its limit of memory and swap, 0 without one",
    ({ hostConfig }) => hostConfig.MemorySwap,
  ),
];

const disks: readonly Metric<Of>[] = [
  onDisk("container_fs_usage_bytes", "What it has written, in bytes", ({ written }) => written),
  onDisk(
    "container_fs_limit_bytes",
    "Size of the file system that it lies on, in bytes",
    ({ disk }) => disk.bytes,
  ),
  onDisk("container_fs_inodes_total", "Inodes of that file system", ({ disk }) => disk.files),
  onDisk("container_fs_inodes_free", "Free inodes of that file system", ({ disk }) => disk.freeFiles),
  counters(
    "container_blkio_device_usage_total",
    "Bytes moved",
    ["device", "major", "minor", "operation"],
    ({ stats }) =>
      (stats.blkio_stats.io_service_bytes_recursive ?? []).map(({ major, minor, op, value }) => [
        value,
        `${major}:${minor}`,
        `${major}`,
        `${minor}`,
        op,
      ]),
  ),
  counters("container_fs_reads_bytes_total", "Bytes read", ["device"], (of) =>
    transfers(of, "bytes", "read"),
  ),
  counters("container_fs_writes_bytes_total", "Bytes written", ["device"], (of) =>
    transfers(of, "bytes", "write"),
  ),
  counters("container_fs_reads_total", "Reads; counted on cgroup v1", ["device"], (of) =>
    transfers(of, "times", "read"),
  ),
  counters("container_fs_writes_total", "Writes; counted on cgroup v1", ["device"], (of) =>
    transfers(of, "times", "write"),
  ),
];

function onDisk(name: string, help: string, read: (counted: Of) => number): Metric<Of> {
  return { ...gauge(name, help, read), labels: ["device"], values: (counted) => [[read(counted), "/"]] };
}

/** By device. */
function transfers({ stats }: Of, what: "bytes" | "times", op: string): Value[] {
  const { io_service_bytes_recursive, io_serviced_recursive } = stats.blkio_stats;
  const entries = (what === "bytes" ? io_service_bytes_recursive : io_serviced_recursive) ?? [];
  return entries
    .filter((entry) => entry.op.toLowerCase() === op)
    .map(({ major, minor, value }) => [value, `${major}:${minor}`]);
}

const others: readonly Metric<Of>[] = [
  gauge("container_processes", "Processes", ({ processes }) => processes.processes),
  gauge("container_threads", "Threads", ({ stats }) => stats.pids_stats.current),
  gauge(
    "container_threads_max",
    "The most threads that there may be, 0 without a limit",
    ({ stats }) => stats.pids_stats.limit ?? 0,
  ),
  gauge(
    "container_file_descriptors",
    "Open files, sockets among them",
    ({ processes }) => processes.fileDescriptors,
  ),
  gauge("container_sockets", "Open sockets", ({ processes }) => processes.sockets),
  gauge("container_start_time_seconds", "When it was started, in seconds since 1970", ({ record }) =>
    Number(nanoseconds(record.State.StartedAt) / BigInt(second)),
  ),
  gauge("container_last_seen", "When this was counted, in seconds since 1970", () => Date.now() / 1000),
];

export const containerMetrics: readonly Metric<Of>[] = [...cpu, ...memories, ...disks, ...others];
