/** How a container stands, in Kubernetes' words. */
import type { ContainerRecord, HostConfig } from "../../engine/index.ts";
import type { Write } from "../../rpc/index.ts";
import { containerStates, type ContainerStatus, type Resources } from "../protocol/index.ts";
import type { CriContainer } from "./containers.ts";
import { nanoseconds } from "./moments.ts";

export function stateOf({ State }: ContainerRecord): number {
  if (State.Running) return containerStates.running;
  const hasStarted = nanoseconds(State.StartedAt) > 0n;
  // One that could not be started has ended: it is not started a second time.
  return hasStarted || State.Error !== "" ? containerStates.exited : containerStates.created;
}

export function statusOf({ record, hostConfig, kept }: CriContainer): Write<typeof ContainerStatus> {
  const { State } = record;
  const { said, logPath } = kept;
  return {
    id: record.ID,
    metadata: said.metadata,
    state: stateOf(record),
    createdAt: nanoseconds(record.Created),
    startedAt: nanoseconds(State.StartedAt),
    finishedAt: nanoseconds(State.FinishedAt),
    exitCode: State.ExitCode,
    image: said.image,
    imageRef: record.Image,
    imageId: record.Image,
    reason: reasonOf(record),
    message: State.Error,
    labels: said.labels,
    annotations: said.annotations,
    mounts: said.mounts.map(({ image: _none, ...mount }) => mount),
    logPath,
    resources: { linux: resourcesShown(hostConfig) },
  };
}

/** As they are by now. */
function resourcesShown(hostConfig: HostConfig): Write<typeof Resources> {
  return {
    cpuPeriod: hostConfig.CpuPeriod,
    cpuQuota: hostConfig.CpuQuota,
    cpuShares: hostConfig.CpuShares,
    cpusetCpus: hostConfig.CpusetCpus,
    cpusetMems: hostConfig.CpusetMems,
    memoryLimit: hostConfig.Memory,
    memorySwapLimit: hostConfig.MemorySwap,
    oomScoreAdj: hostConfig.OomScoreAdj,
  };
}

/** What kubelet shows of one that has ended. */
function reasonOf(record: ContainerRecord): string {
  const { State } = record;
  if (stateOf(record) !== containerStates.exited) return "";
  if (nanoseconds(State.StartedAt) === 0n) return "StartError";
  if (State.OOMKilled) return "OOMKilled";
  return State.ExitCode === 0 ? "Completed" : "Error";
}
