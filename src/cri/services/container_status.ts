/** How a container stands, in Kubernetes' words. */
import type { ContainerRecord, Daemon, HostConfig } from "../../engine/index.ts";
import type { Write } from "../../rpc/index.ts";
import { containerStates, type ContainerStatus, type Resources } from "../protocol/index.ts";
import type { CriContainer } from "./containers.ts";
import { fullName, unlessGone } from "./images.ts";
import type { ContainerSaid } from "./kept.ts";
import { nanoseconds } from "./moments.ts";

type Status = Write<typeof ContainerStatus>;

export function stateOf({ State }: ContainerRecord): number {
  if (State.Running) return containerStates.running;
  const hasStarted = nanoseconds(State.StartedAt) > 0n;
  // One that could not be started has ended: it is not started a second time.
  return hasStarted || State.Error !== "" ? containerStates.exited : containerStates.created;
}

export async function statusOf(daemon: Daemon, { record, hostConfig, kept }: CriContainer): Promise<Status> {
  const { State } = record;
  const { said, logPath } = kept;
  return {
    id: record.ID,
    metadata: said.metadata,
    state: stateOf(record),
    createdAt: nanoseconds(record.Created),
    startedAt: nanoseconds(State.StartedAt),
    finishedAt: nanoseconds(couldNotStart(record) ? record.Created : State.FinishedAt),
    exitCode: State.ExitCode,
    ...(await imageNames(daemon, record, said.image)),
    imageId: record.Image,
    reason: reasonOf(record),
    message: State.Error,
    labels: said.labels,
    annotations: said.annotations,
    mounts: said.mounts,
    logPath,
    ...(await userShown(daemon, record)),
    resources: { linux: resourcesShown(hostConfig) },
  };
}

/** It has ended when it was made: kubelet waits from that time on before it tries again, and without one it does not wait. */
function couldNotStart(record: ContainerRecord): boolean {
  return stateOf(record) === containerStates.exited && nanoseconds(record.State.StartedAt) === 0n;
}

/** What people are shown: the image's name and its name by digest, as containerd gives them; its ID where it has none. */
async function imageNames(
  daemon: Daemon,
  { Image }: ContainerRecord,
  said: ContainerSaid["image"],
): Promise<Pick<Status, "image" | "imageRef">> {
  const found = await unlessGone(daemon.engine.images.inspect(Image));
  const tags = (found?.RepoTags ?? []).map(fullName);
  const digests = (found?.RepoDigests ?? []).map(fullName);
  const asked = said?.userSpecifiedImage ?? "";
  const name = tags.find((tag) => tag === asked || tag.endsWith(`/${asked}`)) ?? tags[0] ?? digests[0];
  const digest = digests.find((each) => name?.startsWith(each.replace(/@.*/, ":"))) ?? digests[0];
  return {
    image: { ...said, ...(name !== undefined && { image: name }) },
    imageRef: digest ?? Image,
  };
}

/** As long as it runs. */
async function userShown(daemon: Daemon, { ID }: ContainerRecord): Promise<Pick<Status, "user">> {
  const user = await unlessGone(daemon.engine.containers.firstUser(ID));
  if (user === undefined) return {};
  return { user: { linux: { uid: user.uid, gid: user.gid, groups: user.additionalGids ?? [] } } };
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
  if (couldNotStart(record)) return "StartError";
  if (State.OOMKilled) return "OOMKilled";
  return State.ExitCode === 0 ? "Completed" : "Error";
}
