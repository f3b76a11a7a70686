/** `ListMetricDescriptors` and `ListPodSandboxMetrics`: what kubelet passes on at /metrics/cadvisor. */
import { statfs } from "node:fs/promises";
import type { ContainerStats, Daemon, PodRecord } from "../../../engine/index.ts";
import { isFailure } from "../../../errors.ts";
import type { Write } from "../../../rpc/index.ts";
import { containerStates, sandboxStates } from "../../protocol/index.ts";
import type * as protocol from "../../protocol/index.ts";
import type { ContainerService, CriContainer } from "../containers.ts";
import { sandboxSaid } from "../kept.ts";
import type { SandboxService } from "../sandboxes.ts";
import type { WritableSizes } from "../writable_sizes.ts";
import { containerMetrics, type CountedContainer } from "./container_metrics.ts";
import { labelKeys, told } from "./metric.ts";
import { sandboxMetrics } from "./sandbox_metrics.ts";

type Metrics = Write<typeof protocol.PodSandboxMetrics>;

export interface MetricsOptions {
  readonly daemon: Daemon;
  readonly containers: ContainerService;
  readonly sandboxes: SandboxService;
  readonly sizes: WritableSizes;
}

export class MetricsService {
  readonly #parts: MetricsOptions;

  constructor(parts: MetricsOptions) {
    this.#parts = parts;
  }

  descriptors(): Write<typeof protocol.ListMetricDescriptorsResponse> {
    const all = [...containerMetrics, ...sandboxMetrics];
    return {
      descriptors: all.map(({ name, help, labels }) => ({
        name,
        help,
        labelKeys: [...labelKeys, ...labels],
      })),
    };
  }

  /** Of sandboxes that are ready, and of their containers that run. */
  async list(): Promise<Write<typeof protocol.ListPodSandboxMetricsResponse>> {
    const { containers, sandboxes, daemon } = this.#parts;
    const running = await containers.matching({ state: containerStates.running });
    const disk = await statfs(daemon.engine.store.root);
    const place = { bytes: disk.blocks * disk.bsize, files: disk.files, freeFiles: disk.ffree };
    const pods = sandboxes.matching({ state: sandboxStates.ready });
    const podMetrics = pods.map((pod) =>
      this.#ofSandbox(
        pod,
        running.filter(({ kept }) => kept.sandboxId === pod.id),
        place,
      ),
    );
    return { podMetrics: await Promise.all(podMetrics) };
  }

  async #ofSandbox(
    pod: PodRecord,
    running: readonly CriContainer[],
    disk: CountedContainer["disk"],
  ): Promise<Metrics> {
    const { metadata } = sandboxSaid(pod);
    const names = [metadata?.name ?? "", metadata?.namespace ?? ""];
    const all = await Promise.all(running.map((container) => this.#count(container, disk)));
    const counted = all.filter((each) => each !== undefined);
    // All containers of a sandbox see the same interfaces.
    const networks = counted.find(({ stats }) => stats.networks !== undefined)?.stats.networks ?? {};
    return {
      podSandboxId: pod.id,
      metrics: told(sandboxMetrics, networks, [...names, "", pod.id, ""]),
      containerMetrics: counted.map((each) => {
        const { record, kept } = each;
        const { image, metadata: own } = kept.said;
        const labels = [own?.name ?? "", record.ID, image?.userSpecifiedImage || (image?.image ?? "")];
        return { containerId: record.ID, metrics: told(containerMetrics, each, [...names, ...labels]) };
      }),
    };
  }

  /** Undefined: it has ended meanwhile, or gone. */
  async #count(
    container: CriContainer,
    disk: CountedContainer["disk"],
  ): Promise<(CountedContainer & CriContainer) | undefined> {
    const { daemon, sizes } = this.#parts;
    const { ID } = container.record;
    try {
      const processes = await daemon.engine.containers.processCounts(ID);
      const stats = await this.#sample(ID);
      if (processes === undefined || stats === undefined) return undefined;
      return { ...container, stats, processes, written: (await sizes.of(ID)).bytes, disk };
    } catch (error) {
      if (isFailure(error, "not-found")) return undefined;
      throw error;
    }
  }

  async #sample(id: string): Promise<ContainerStats | undefined> {
    const { signal } = new AbortController();
    const samples = await this.#parts.daemon.engine.containers.stats(id, { mode: "first", signal });
    for await (const sample of samples) return sample;
    return undefined;
  }
}
