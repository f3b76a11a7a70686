/** `docker buildx du` and `docker buildx prune`. */
import type { BuildCacheItem, Engine } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { Read, Write } from "../../rpc/index.ts";
import { timestamp } from "../progress/index.ts";
import type { DiskUsageRequest, DiskUsageResponse, PruneRequest, UsageRecord } from "./control_messages.ts";

export async function diskUsage(
  { system }: Engine,
  { filter }: Read<typeof DiskUsageRequest>,
  signal: AbortSignal,
): Promise<Write<typeof DiskUsageResponse>> {
  refuseFilters(filter);
  return { records: (await system.buildCache({ signal })).map(recordOf) };
}

/** What has gone, one after the other. */
export async function* prune(
  { system }: Engine,
  { filter, all, keepDuration, reservedSpace, maxUsedSpace }: Read<typeof PruneRequest>,
  signal: AbortSignal,
): AsyncGenerator<Write<typeof UsageRecord>, void> {
  refuseFilters(filter);
  const before = new Map((await system.buildCache({ signal })).map((item) => [item.id, item]));
  const keepStorage = maxUsedSpace || reservedSpace;
  const { deleted } = await system.pruneBuildCache({
    all,
    ...(keepDuration > 0n && { unusedFor: Number(keepDuration / 1_000_000n) }),
    ...(keepStorage > 0 && { keepStorage }),
    signal,
  });
  for (const id of deleted) {
    const item = before.get(id);
    yield item === undefined ? { id } : recordOf(item);
  }
}

function refuseFilters(filter: readonly string[]): void {
  // buildx has an empty one where there is none.
  const first = filter.find((each) => each !== "");
  if (first !== undefined) throw new Failure("unsupported", `the build cache has no filter ${first}`);
}

function recordOf(item: BuildCacheItem): Write<typeof UsageRecord> {
  const { id, recordType, description, size, createdAt, lastUsedAt, shared, inUse } = item;
  return {
    id,
    recordType,
    mutable: recordType !== "regular",
    description,
    size,
    shared,
    inUse,
    lastUsedAt: timestamp(Date.parse(lastUsedAt)),
    ...(createdAt !== undefined && { createdAt: timestamp(Date.parse(createdAt)) }),
  };
}
