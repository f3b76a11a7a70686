/** What containers and sandboxes use. */
import type { Daemon, PodRecord } from "../../engine/index.ts";
import type { Read, Write } from "../../rpc/index.ts";
import type * as protocol from "../protocol/index.ts";
import type { ContainerService, CriContainer } from "./containers.ts";
import { sandboxSaid } from "./kept.ts";
import { now } from "./moments.ts";
import type { SandboxService } from "./sandboxes.ts";

type Stats = Write<typeof protocol.ContainerStats>;

/** What the processor had done for a container at one moment. */
interface CpuSample {
  readonly at: bigint;
  readonly nanoseconds: number;
  readonly nanoCores: number;
}

export class StatsService {
  readonly #daemon: Daemon;
  readonly #containers: ContainerService;
  readonly #sandboxes: SandboxService;
  /** By container: rates are told since the last question. */
  readonly #last = new Map<string, CpuSample>();

  constructor(daemon: Daemon, containers: ContainerService, sandboxes: SandboxService) {
    this.#daemon = daemon;
    this.#containers = containers;
    this.#sandboxes = sandboxes;
  }

  async container(id: string): Promise<Write<typeof protocol.ContainerStatsResponse>> {
    return { stats: await this.#statsOf(await this.#containers.find(id)) };
  }

  async containers(
    request: Read<typeof protocol.ListContainerStatsRequest>,
  ): Promise<Write<typeof protocol.ListContainerStatsResponse>> {
    return {
      stats: await this.#statsOfAll(await this.#containers.matching({ ...request.filter, state: 1 })),
    };
  }

  async sandbox(text: string): Promise<Write<typeof protocol.PodSandboxStatsResponse>> {
    return { stats: await this.#statsOfSandbox(this.#daemon.pods.find(text)) };
  }

  async sandboxes(
    request: Read<typeof protocol.ListPodSandboxStatsRequest>,
  ): Promise<Write<typeof protocol.ListPodSandboxStatsResponse>> {
    const pods = this.#sandboxes.matching({ ...request.filter, state: 0 });
    return { stats: await Promise.all(pods.map((pod) => this.#statsOfSandbox(pod))) };
  }

  #statsOfAll(found: readonly CriContainer[]): Promise<Stats[]> {
    return Promise.all(found.map((container) => this.#statsOf(container)));
  }

  async #statsOf({ record, kept }: CriContainer): Promise<Stats> {
    const { ID } = record;
    const { metadata, labels, annotations } = kept.said;
    const timestamp = now();
    const { sizeRw } = await this.#daemon.engine.containers.sizes(ID);
    return {
      attributes: { id: ID, metadata, labels, annotations },
      ...(record.State.Running && (await this.#running(ID, timestamp))),
      writableLayer: {
        timestamp,
        filesystem: { mountpoint: this.#daemon.engine.store.root },
        usedBytes: sizeRw,
      },
    };
  }

  async #running(id: string, timestamp: bigint): Promise<Pick<Stats, "cpu" | "memory">> {
    const { signal } = new AbortController();
    const samples = await this.#daemon.engine.containers.stats(id, { mode: "first", signal });
    for await (const { cpu_stats, memory_stats } of samples) {
      const { total_usage } = cpu_stats.cpu_usage;
      const cpu = {
        timestamp,
        coreNanoSeconds: total_usage,
        nanoCores: this.#rate(id, timestamp, total_usage),
      };
      return { cpu, memory: memoryOf(memory_stats, timestamp) };
    }
    return {};
  }

  #rate(id: string, at: bigint, nanoseconds: number): number {
    const before = this.#last.get(id);
    // Two questions at one moment have one answer.
    if (before !== undefined && at - before.at < 100_000_000n) return before.nanoCores;
    const passed = before === undefined ? 0 : Number(at - before.at);
    const nanoCores = passed > 0 ? ((nanoseconds - (before?.nanoseconds ?? 0)) * 1e9) / passed : 0;
    this.#last.set(id, { at, nanoseconds, nanoCores: Math.max(nanoCores, 0) });
    return Math.max(nanoCores, 0);
  }

  /** Of containers that have gone nothing is to be kept. */
  forget(id: string): void {
    this.#last.delete(id);
  }

  async #statsOfSandbox(pod: PodRecord): Promise<Write<typeof protocol.SandboxStats>> {
    const { metadata, labels, annotations } = sandboxSaid(pod);
    const running = await this.#containers.matching({ podSandboxId: pod.id, state: 1 });
    const containers = await this.#statsOfAll(running);
    const timestamp = now();
    const sum = (of: (stats: Stats) => number | undefined): number =>
      containers.reduce((total, stats) => total + (of(stats) ?? 0), 0);
    const [first] = running;
    return {
      attributes: { id: pod.id, metadata, labels, annotations },
      linux: {
        cpu: {
          timestamp,
          coreNanoSeconds: sum(({ cpu }) => cpu?.coreNanoSeconds),
          nanoCores: sum(({ cpu }) => cpu?.nanoCores),
        },
        memory: {
          timestamp,
          workingSetBytes: sum(({ memory }) => memory?.workingSetBytes),
          usageBytes: sum(({ memory }) => memory?.usageBytes),
          rssBytes: sum(({ memory }) => memory?.rssBytes),
        },
        ...(first !== undefined &&
          pod.network !== "host" && { network: await this.#networkOf(first, timestamp) }),
        containers,
      },
    };
  }

  /** All containers of a sandbox see the same interfaces. */
  async #networkOf({ record }: CriContainer, timestamp: bigint) {
    const { signal } = new AbortController();
    const samples = await this.#daemon.engine.containers.stats(record.ID, { mode: "first", signal });
    for await (const { networks = {} } of samples) {
      const interfaces = Object.entries(networks).map(([name, counted]) => ({
        name,
        rxBytes: counted.rx_bytes,
        rxErrors: counted.rx_errors,
        txBytes: counted.tx_bytes,
        txErrors: counted.tx_errors,
      }));
      return { timestamp, defaultInterface: interfaces[0], interfaces };
    }
    return { timestamp };
  }
}

interface MemoryCounted {
  readonly usage?: number;
  readonly limit?: number;
  readonly stats?: Readonly<Record<string, number>>;
}

/** The working set is what the kernel would not give back first (cadvisor: usage less inactive files). */
function memoryOf({ usage = 0, limit, stats = {} }: MemoryCounted, timestamp: bigint): Stats["memory"] {
  const inactive = stats["total_inactive_file"] ?? stats["inactive_file"] ?? 0;
  const workingSetBytes = Math.max(usage - inactive, 0);
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
