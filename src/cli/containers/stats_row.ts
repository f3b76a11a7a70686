/** One line of `stats` out of what the Engine API measures (docker/cli, cli/command/container/stats_helpers.go). */
import { binarySize, humanSize } from "../kit/index.ts";

interface CpuStats {
  readonly cpu_usage: { readonly total_usage: number; readonly percpu_usage?: readonly number[] | null };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

interface BlockEntry {
  readonly op: string;
  readonly value: number;
}

/** What of `GET /containers/{id}/stats` is shown. */
export interface ContainerStats {
  readonly cpu_stats: CpuStats;
  readonly precpu_stats: CpuStats;
  readonly memory_stats: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>> | null;
  };
  readonly networks?: Readonly<
    Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>
  > | null;
  readonly blkio_stats?: { readonly io_service_bytes_recursive?: readonly BlockEntry[] | null } | null;
  readonly pids_stats?: { readonly current?: number } | null;
}

/** Who is measured; `given` as the user wrote it. */
export interface Measured {
  readonly id: string;
  readonly name: string;
  readonly given: string;
}

/** Without `stats`, nothing is known yet or any more. */
export function statsRow({ id, name, given }: Measured, stats: ContainerStats | undefined, full: boolean) {
  const short = full ? id : id.slice(0, 12);
  const names = { Container: given, Name: name || "--", ID: short || "--" };
  if (stats === undefined) {
    const none = "--";
    return {
      ...names,
      CPUPerc: none,
      MemUsage: "-- / --",
      MemPerc: none,
      NetIO: none,
      BlockIO: none,
      PIDs: none,
    };
  }
  const { usage, limit } = memoryOf(stats.memory_stats);
  const networks = Object.values(stats.networks ?? {});
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const blocks = stats.blkio_stats?.io_service_bytes_recursive ?? [];
  const blockBytes = (letter: string): number =>
    sum(blocks.filter(({ op }) => op[0]?.toLowerCase() === letter).map(({ value }) => value));
  const pair = (one: number, other: number): string => `${humanSize(one)} / ${humanSize(other)}`;
  return {
    ...names,
    CPUPerc: percent(cpuShare(stats)),
    MemUsage: `${binarySize(usage)} / ${binarySize(limit)}`,
    MemPerc: percent(limit === 0 ? 0 : (usage / limit) * 100),
    NetIO: pair(sum(networks.map((each) => each.rx_bytes)), sum(networks.map((each) => each.tx_bytes))),
    BlockIO: pair(blockBytes("r"), blockBytes("w")),
    PIDs: String(stats.pids_stats?.current ?? 0),
  };
}

/** Of one processor; two that are busy give 200. */
function cpuShare({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const processors = now.online_cpus || now.cpu_usage.percpu_usage?.length || 1;
  return used > 0 && passed > 0 ? (used / passed) * processors * 100 : 0;
}

/** Bytes, without files that are only cached: `total_inactive_file` on cgroup v1, `inactive_file` on v2. */
function memoryOf({ usage = 0, limit = 0, stats }: ContainerStats["memory_stats"]): {
  readonly usage: number;
  readonly limit: number;
} {
  const cached = stats?.["total_inactive_file"] ?? stats?.["inactive_file"] ?? 0;
  return { usage: cached < usage ? usage - cached : usage, limit };
}

function percent(value: number): string {
  return `${value.toFixed(2)}%`;
}
