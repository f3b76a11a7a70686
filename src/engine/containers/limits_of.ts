import type { BlockLimits, ContainerLimits, DeviceValue } from "../../runtime/index.ts";
import type { HostConfig } from "./record.ts";

/** What a record limits. Zero means "not set" there. */
export function limitsOf(hostConfig: HostConfig): ContainerLimits {
  const { Memory, MemorySwap, NanoCpus, CpuShares, PidsLimit, OomKillDisable } = hostConfig;
  const { MemoryReservation = 0, CpuPeriod = 0, CpuQuota = 0, OomScoreAdj = 0 } = hostConfig;
  const { CpusetCpus = "", CpusetMems = "", MemorySwappiness } = hostConfig;
  const { CpuRealtimePeriod = 0, CpuRealtimeRuntime = 0 } = hostConfig;
  const block = blockLimitsOf(hostConfig);
  return {
    ...(Memory !== 0 && { memory: Memory }),
    ...(MemorySwap !== 0 && { memorySwap: MemorySwap }),
    ...(MemoryReservation !== 0 && { memoryReservation: MemoryReservation }),
    ...(typeof MemorySwappiness === "number" &&
      MemorySwappiness !== -1 && { memorySwappiness: MemorySwappiness }),
    ...(NanoCpus !== 0 && { cpus: NanoCpus / 1e9 }),
    ...(CpuShares !== 0 && { cpuShares: CpuShares }),
    ...(CpuPeriod !== 0 && { cpuPeriod: CpuPeriod }),
    ...(CpuQuota !== 0 && { cpuQuota: CpuQuota }),
    ...(CpuRealtimePeriod !== 0 && { realtimePeriod: CpuRealtimePeriod }),
    ...(CpuRealtimeRuntime !== 0 && { realtimeRuntime: CpuRealtimeRuntime }),
    ...(CpusetCpus !== "" && { cpusetCpus: CpusetCpus }),
    ...(CpusetMems !== "" && { cpusetMems: CpusetMems }),
    ...(Object.keys(block).length > 0 && { block }),
    ...(OomScoreAdj !== 0 && { oomScoreAdj: OomScoreAdj }),
    ...(OomKillDisable === true && { oomKillDisable: true }),
    ...(PidsLimit !== null && { pids: PidsLimit }),
  };
}

function blockLimitsOf(hostConfig: HostConfig): BlockLimits {
  const { BlkioWeight = 0, BlkioWeightDevice: weights } = hostConfig;
  const { BlkioDeviceReadBps, BlkioDeviceWriteBps, BlkioDeviceReadIOps, BlkioDeviceWriteIOps } = hostConfig;
  return {
    ...(BlkioWeight !== 0 && { weight: BlkioWeight }),
    ...(weights?.length && { weightOf: weights.map(({ Path, Weight }) => ({ path: Path, value: Weight })) }),
    ...rates("readBytes", BlkioDeviceReadBps),
    ...rates("writeBytes", BlkioDeviceWriteBps),
    ...rates("readOperations", BlkioDeviceReadIOps),
    ...rates("writeOperations", BlkioDeviceWriteIOps),
  };
}

function rates(name: keyof BlockLimits, given: HostConfig["BlkioDeviceReadBps"]): BlockLimits {
  if (!given?.length) return {};
  return { [name]: given.map(({ Path, Rate }): DeviceValue => ({ path: Path, value: Rate })) };
}
