/** Messages of moby.buildkit.v1.Control (moby/buildkit, api/services/control/control.proto); of each, the fields in use. */
import { big, blobs, flag, integer, many, map, message, one, text, texts } from "../../rpc/index.ts";
import { Timestamp } from "../progress/index.ts";

/** `pb.Definition`: a graph of LLB, each operation marshalled; more of each, by its digest. */
export const Definition = message({
  operations: blobs(1),
  metadata: many(2, message({ digest: text(1), metadata: one(2, message({})) })),
});

const CacheEntry = message({ type: text(1), attributes: map(2) });

export const Exporter = message({ type: text(1), attributes: map(2) });

export const SolveRequest = message({
  ref: text(1),
  definition: one(2, Definition),
  /** One output, of clients before there were several. */
  exporter: text(3),
  exporterAttributes: map(4),
  session: text(5),
  frontend: text(6),
  frontendAttributes: map(7),
  cache: one(8, message({ exports: many(4, CacheEntry), imports: many(5, CacheEntry) })),
  entitlements: texts(9),
  /** Rules for what may be built from, and the session that knows such rules. */
  sourcePolicy: one(12, message({})),
  exporters: many(13, Exporter),
  sourcePolicySession: text(15),
});

export const SolveResponse = message({ exporterResponse: map(1) });

export const StatusRequest = message({ ref: text(1) });

export const UsageRecord = message({
  id: text(1),
  mutable: flag(2),
  inUse: flag(3),
  size: integer(4),
  createdAt: one(6, Timestamp),
  lastUsedAt: one(7, Timestamp),
  usageCount: integer(8),
  description: text(9),
  recordType: text(10),
  shared: flag(11),
  parents: texts(12),
});

export const DiskUsageRequest = message({ filter: texts(1) });

export const DiskUsageResponse = message({ records: many(1, UsageRecord) });

export const PruneRequest = message({
  filter: texts(1),
  all: flag(2),
  /** Nanoseconds. */
  keepDuration: big(3),
  /** Bytes. */
  reservedSpace: integer(4),
  maxUsedSpace: integer(5),
});

export const Platform = message({ architecture: text(1), os: text(2), variant: text(3) });

const BuildkitVersion = message({ package: text(1), version: text(2), revision: text(3) });

export const WorkerRecord = message({
  id: text(1),
  labels: map(2),
  platforms: many(3, Platform),
  buildkitVersion: one(5, BuildkitVersion),
});

export const ListWorkersResponse = message({ records: many(1, WorkerRecord) });

export const InfoResponse = message({ buildkitVersion: one(1, BuildkitVersion) });

export const Nothing = message({});
