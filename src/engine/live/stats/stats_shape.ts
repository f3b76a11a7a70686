/** `GET /containers/{id}/stats` (Engine API, `ContainerStatsResponse`), its keys in Docker's order. */

export interface BlkioEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

type BlkioList = readonly BlkioEntry[] | null;

export interface CpuStats {
  readonly cpu_usage: {
    /** Nanoseconds, as the others. */
    readonly total_usage: number;
    readonly percpu_usage?: readonly number[];
    readonly usage_in_kernelmode: number;
    readonly usage_in_usermode: number;
  };
  /** Nanoseconds of all processors of this machine. */
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
  readonly throttling_data: {
    readonly periods: number;
    readonly throttled_periods: number;
    readonly throttled_time: number;
  };
}

export interface MemoryStats {
  readonly usage?: number;
  readonly max_usage?: number;
  readonly stats?: Readonly<Record<string, number>>;
  readonly failcnt?: number;
  readonly limit?: number;
}

export interface NetworkStats {
  readonly rx_bytes: number;
  readonly rx_packets: number;
  readonly rx_errors: number;
  readonly rx_dropped: number;
  readonly tx_bytes: number;
  readonly tx_packets: number;
  readonly tx_errors: number;
  readonly tx_dropped: number;
}

/** What is counted at one moment. */
export interface StatsSample {
  readonly pids_stats: { readonly current?: number; readonly limit?: number };
  readonly blkio_stats: {
    readonly io_service_bytes_recursive: BlkioList;
    readonly io_serviced_recursive: BlkioList;
    readonly io_queue_recursive: BlkioList;
    readonly io_service_time_recursive: BlkioList;
    readonly io_wait_time_recursive: BlkioList;
    readonly io_merged_recursive: BlkioList;
    readonly io_time_recursive: BlkioList;
    readonly sectors_recursive: BlkioList;
  };
  readonly cpu_stats: CpuStats;
  readonly memory_stats: MemoryStats;
  /** Absent without an interface. */
  readonly networks?: Readonly<Record<string, NetworkStats>>;
}

export interface ContainerStats extends StatsSample {
  /** RFC 3339; Go's zero time when it does not run. */
  readonly read: string;
  readonly preread: string;
  readonly num_procs: number;
  readonly storage_stats: object;
  readonly precpu_stats: CpuStats;
  readonly name: string;
  readonly id: string;
}

export const noCpuStats: CpuStats = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/** Docker lists these whether a kernel counts them or not. */
export function blkioStats(
  bytes: BlkioList,
  serviced: BlkioList,
  rest: [] | null,
): StatsSample["blkio_stats"] {
  return {
    io_service_bytes_recursive: bytes,
    io_serviced_recursive: serviced,
    io_queue_recursive: rest,
    io_service_time_recursive: rest,
    io_wait_time_recursive: rest,
    io_merged_recursive: rest,
    io_time_recursive: rest,
    sectors_recursive: rest,
  };
}

/** Of a container that does not run. */
export const noSample: StatsSample = {
  pids_stats: {},
  blkio_stats: blkioStats(null, null, null),
  cpu_stats: noCpuStats,
  memory_stats: {},
};
