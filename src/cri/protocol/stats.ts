/** Messages about what containers and sandboxes use. */
import { big, integer, many, map, message, one, optional, text, texts } from "../../rpc/index.ts";
import { Metadata, SandboxMetadata } from "./common.ts";

const CpuUsage = message({ timestamp: big(1), coreNanoSeconds: optional(2), nanoCores: optional(3) });

const MemoryUsage = message({
  timestamp: big(1),
  workingSetBytes: optional(2),
  availableBytes: optional(3),
  usageBytes: optional(4),
  rssBytes: optional(5),
  pageFaults: optional(6),
  majorPageFaults: optional(7),
});

export const FilesystemUsage = message({
  timestamp: big(1),
  filesystem: one(2, message({ mountpoint: text(1) })),
  usedBytes: optional(3),
  inodesUsed: optional(4),
});

export const ContainerStats = message({
  attributes: one(
    1,
    message({ id: text(1), metadata: one(2, Metadata), labels: map(3), annotations: map(4) }),
  ),
  cpu: one(2, CpuUsage),
  memory: one(3, MemoryUsage),
  writableLayer: one(4, FilesystemUsage),
});

const Interface = message({
  name: text(1),
  rxBytes: optional(2),
  rxErrors: optional(3),
  txBytes: optional(4),
  txErrors: optional(5),
});

export const SandboxStats = message({
  attributes: one(
    1,
    message({ id: text(1), metadata: one(2, SandboxMetadata), labels: map(3), annotations: map(4) }),
  ),
  linux: one(
    2,
    message({
      cpu: one(1, CpuUsage),
      memory: one(2, MemoryUsage),
      network: one(
        3,
        message({ timestamp: big(1), defaultInterface: one(2, Interface), interfaces: many(3, Interface) }),
      ),
      process: one(4, message({ timestamp: big(1), processCount: optional(2) })),
      containers: many(5, ContainerStats),
    }),
  ),
});

export const ContainerStatsResponse = message({ stats: one(1, ContainerStats) });
export const ListContainerStatsRequest = message({
  filter: one(1, message({ id: text(1), podSandboxId: text(2), labels: map(3) })),
});
export const ListContainerStatsResponse = message({ stats: many(1, ContainerStats) });
export const PodSandboxStatsResponse = message({ stats: one(1, SandboxStats) });
export const ListPodSandboxStatsRequest = message({
  filter: one(1, message({ id: text(1), labels: map(2) })),
});
export const ListPodSandboxStatsResponse = message({ stats: many(1, SandboxStats) });

export const ListMetricDescriptorsResponse = message({
  descriptors: many(1, message({ name: text(1), help: text(2), labelKeys: texts(3) })),
});

/** `MetricType`. */
export const metricTypes = { counter: 0, gauge: 1 } as const;

/** Without a time: it is counted when it is asked for. */
export const Metric = message({
  name: text(1),
  metricType: integer(3),
  labelValues: texts(4),
  value: optional(5),
});

export const PodSandboxMetrics = message({
  podSandboxId: text(1),
  metrics: many(2, Metric),
  containerMetrics: many(3, message({ containerId: text(1), metrics: many(2, Metric) })),
});
export const ListPodSandboxMetricsResponse = message({ podMetrics: many(1, PodSandboxMetrics) });
