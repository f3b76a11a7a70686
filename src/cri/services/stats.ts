/** What containers and sandboxes use. */
import type { ContainerStats as Sample, Daemon, PodRecord } from "../../engine/index.ts";
import { isFailure } from "../../errors.ts";
import type { Read, Write } from "../../rpc/index.ts";
import { containerStates, sandboxStates } from "../protocol/index.ts";
import type * as protocol from "../protocol/index.ts";
import type { ContainerService, CriContainer } from "./containers.ts";
import { CpuRates } from "./cpu_rates.ts";
import { sandboxSaid } from "./kept.ts";
import { workingSet } from "./metrics/working_set.ts";
import { now } from "./moments.ts";
import type { SandboxService } from "./sandboxes.ts";
import type { WritableSizes } from "./writable_sizes.ts";

type Stats = Write<typeof protocol.ContainerStats>;

/** With what the kernel has counted; undefined: it does not run. */
interface Sampled {
  readonly stats: Stats;
  readonly sample: Sample | undefined;
}

export interface StatsOptions {
  readonly daemon: Daemon;
  readonly containers: ContainerService;
  readonly sandboxes: SandboxService;
  readonly sizes: WritableSizes;
}

export class StatsService {
  readonly #parts: StatsOptions;
  readonly #rates = new CpuRates();

  constructor(parts: StatsOptions) {
    this.#parts = parts;
  }

  async container(id: string): Promise<Write<typeof protocol.ContainerStatsResponse>> {
    return { stats: (await this.#sampled(await this.#parts.containers.find(id))).stats };
  }

  async containers(
    request: Read<typeof protocol.ListContainerStatsRequest>,
  ): Promise<Write<typeof protocol.ListContainerStatsResponse>> {
    const running = await this.#running(request.filter);
    return { stats: running.map(({ stats }) => stats) };
  }

  async sandbox(text: string): Promise<Write<typeof protocol.PodSandboxStatsResponse>> {
    return { stats: await this.#ofSandbox(this.#parts.daemon.pods.find(text)) };
  }

  async sandboxes(
    request: Read<typeof protocol.ListPodSandboxStatsRequest>,
  ): Promise<Write<typeof protocol.ListPodSandboxStatsResponse>> {
    const pods = this.#parts.sandboxes.matching({ ...request.filter, state: sandboxStates.ready });
    return { stats: await Promise.all(pods.map((pod) => this.#ofSandbox(pod))) };
  }

  /** One that is removed meanwhile is left out. */
  async #running(filter: Parameters<ContainerService["matching"]>[0] = {}): Promise<Sampled[]> {
    const found = await this.#parts.containers.matching({ ...filter, state: containerStates.running });
    const all = found.map(async (container) => {
      try {
        return await this.#sampled(container);
      } catch (error) {
        if (isFailure(error, "not-found")) return undefined;
        throw error;
      }
    });
    return (await Promise.all(all)).filter((each) => each !== undefined);
  }

  async #sampled({ record, kept }: CriContainer): Promise<Sampled> {
    const { ID, State } = record;
    const { metadata, labels, annotations } = kept.said;
    const timestamp = now();
    const written = await this.#parts.sizes.of(ID);
    const sample = State.Running ? await this.#sample(ID) : undefined;
    const filesystem = { mountpoint: this.#parts.daemon.engine.store.root };
    return {
      sample,
      stats: {
        attributes: { id: ID, metadata, labels, annotations },
        ...(sample !== undefined && {
          cpu: this.#cpuOf(ID, sample, timestamp),
          memory: memoryOf(sample.memory_stats, timestamp),
        }),
        writableLayer: { timestamp, filesystem, usedBytes: written.bytes, inodesUsed: written.inodes },
      },
    };
  }

  async #sample(id: string): Promise<Sample | undefined> {
    const { signal } = new AbortController();
    const samples = await this.#parts.daemon.engine.containers.stats(id, { mode: "first", signal });
    for await (const sample of samples) return sample;
    return undefined;
  }

  #cpuOf(id: string, { cpu_stats }: Sample, timestamp: bigint): Stats["cpu"] {
    const coreNanoSeconds = cpu_stats.cpu_usage.total_usage;
    return { timestamp, coreNanoSeconds, nanoCores: this.#rates.of(id, timestamp, coreNanoSeconds) };
  }

  async #ofSandbox(pod: PodRecord): Promise<Write<typeof protocol.SandboxStats>> {
    const { metadata, labels, annotations } = sandboxSaid(pod);
    const running = await this.#running({ podSandboxId: pod.id });
    const timestamp = now();
    const sum = (of: (each: Sampled) => number | undefined): number =>
      running.reduce((total, each) => total + (of(each) ?? 0), 0);
    return {
      attributes: { id: pod.id, metadata, labels, annotations },
      linux: {
        cpu: {
          timestamp,
          coreNanoSeconds: sum(({ stats }) => stats.cpu?.coreNanoSeconds),
          nanoCores: sum(({ stats }) => stats.cpu?.nanoCores),
        },
        memory: {
          timestamp,
          workingSetBytes: sum(({ stats }) => stats.memory?.workingSetBytes),
          usageBytes: sum(({ stats }) => stats.memory?.usageBytes),
          rssBytes: sum(({ stats }) => stats.memory?.rssBytes),
          pageFaults: sum(({ stats }) => stats.memory?.pageFaults),
          majorPageFaults: sum(({ stats }) => stats.memory?.majorPageFaults),
        },
        network: networkOf(running, timestamp),
        process: { timestamp, processCount: sum(({ sample }) => sample?.pids_stats.current) },
        containers: running.map(({ stats }) => stats),
      },
    };
  }
}

type SandboxStats = NonNullable<Write<typeof protocol.SandboxStats>["linux"]>;

/** All containers of a sandbox see the same interfaces. Undefined: the host's, or nobody looks at them. */
function networkOf(running: readonly Sampled[], timestamp: bigint): SandboxStats["network"] {
  const networks = running.find(({ sample }) => sample?.networks !== undefined)?.sample?.networks;
  if (networks === undefined) return undefined;
  const interfaces = Object.entries(networks).map(([name, counted]) => ({
    name,
    rxBytes: counted.rx_bytes,
    rxErrors: counted.rx_errors,
    txBytes: counted.tx_bytes,
    txErrors: counted.tx_errors,
  }));
  return { timestamp, defaultInterface: interfaces[0], interfaces };
}

function memoryOf(counted: Sample["memory_stats"], timestamp: bigint): Stats["memory"] {
  const { usage = 0, limit, stats = {} } = counted;
  const workingSetBytes = workingSet(counted);
  return {
    timestamp,
    usageBytes: usage,
    workingSetBytes,
    rssBytes: stats["total_rss"] ?? stats["anon"] ?? 0,
    pageFaults: stats["total_pgfault"] ?? stats["pgfault"] ?? 0,
    majorPageFaults: stats["total_pgmajfault"] ?? stats["pgmajfault"] ?? 0,
    ...(limit !== undefined && { availableBytes: Math.max(limit - workingSetBytes, 0) }),
  };
}
