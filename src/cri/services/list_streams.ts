/** The `Stream…` methods: lists that may be longer than one message can be. */
import { streaming, type Methods } from "../../rpc/index.ts";
import * as p from "../protocol/index.ts";
import type { ContainerService } from "./containers.ts";
import type { MetricsService } from "./metrics/metrics_service.ts";
import type { SandboxService } from "./sandboxes.ts";
import type { StatsService } from "./stats.ts";

/** Of one message. The longest item there is, a container with its annotations, has some hundred KB; a message 16 MB. */
const mostItems = 50;

/** None for an empty list. */
export function* inParts<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += mostItems) yield items.slice(at, at + mostItems);
}

export interface StreamedServices {
  readonly containers: ContainerService;
  readonly sandboxes: SandboxService;
  readonly stats: StatsService;
  readonly metrics: MetricsService;
}

/** Messages of streams are those of lists: the one field has the same number. */
export function runtimeStreams({ containers, sandboxes, stats, metrics }: StreamedServices): Methods {
  return {
    StreamPodSandboxes: streaming(
      p.ListPodSandboxRequest,
      p.ListPodSandboxResponse,
      async function* (request) {
        for (const items of inParts(sandboxes.list(request).items ?? [])) yield { items };
      },
    ),
    StreamContainers: streaming(p.ListContainersRequest, p.ListContainersResponse, async function* (request) {
      for (const part of inParts((await containers.list(request)).containers ?? []))
        yield { containers: part };
    }),
    StreamContainerStats: streaming(
      p.ListContainerStatsRequest,
      p.ListContainerStatsResponse,
      async function* (request) {
        for (const part of inParts((await stats.containers(request)).stats ?? [])) yield { stats: part };
      },
    ),
    StreamPodSandboxStats: streaming(
      p.ListPodSandboxStatsRequest,
      p.ListPodSandboxStatsResponse,
      async function* (request) {
        for (const part of inParts((await stats.sandboxes(request)).stats ?? [])) yield { stats: part };
      },
    ),
    StreamPodSandboxMetrics: streaming(p.Nothing, p.ListPodSandboxMetricsResponse, async function* () {
      for (const podMetrics of inParts((await metrics.list()).podMetrics ?? [])) yield { podMetrics };
    }),
  };
}
