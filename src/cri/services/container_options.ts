/** From a container as Kubernetes describes it to one of the engine's. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CreateContainer, HostConfig, PodRecord } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { Read } from "../../rpc/index.ts";
import {
  groupsPolicies,
  namespaceModes,
  profileTypes,
  type ContainerSecurity,
  type Resources,
} from "../protocol/index.ts";
import { labelsOf, sandboxSaid, type ContainerKept, type ContainerSaid, type SandboxSaid } from "./kept.ts";
import { mountsOf } from "./container_mounts.ts";
import { stopSignal } from "./stop_signals.ts";

type Security = Read<typeof ContainerSecurity>;

/**
 * @returns all but the image
 * @throws Failure("invalid"), "unsupported" for what the engine has not
 */
export function containerOptions(
  pod: PodRecord,
  kept: ContainerKept,
): Pick<CreateContainer, "name" | "config" | "hostConfig"> {
  const { said } = kept;
  const sandbox = sandboxSaid(pod);
  const security = said.linux?.security;
  return {
    name: containerName(said, sandbox),
    config: configOf(pod, kept),
    hostConfig: {
      ...sharedWith(pod, security),
      ...resourcesOf(said.linux?.resources),
      ...securityOf(security),
      GroupMembership: security?.groupsPolicy === groupsPolicies.strict ? "never" : "always",
      ...(sandbox.linux?.cgroupParent && { CgroupParent: sandbox.linux.cgroupParent }),
      Sysctls: { ...sandbox.linux?.sysctls },
      Mounts: mountsOf(pod, said),
      Devices: said.devices.map(({ hostPath, containerPath, permissions }) => ({
        PathOnHost: hostPath,
        PathInContainer: containerPath,
        CgroupPermissions: permissions || "rwm",
      })),
      Dns: [...pod.dns.servers],
      DnsSearch: [...pod.dns.search],
      DnsOptions: [...pod.dns.options],
      LogConfig:
        kept.logPath === "" ? { Type: "none", Config: {} } : { Type: "cri", Config: { path: kept.logPath } },
    },
  };
}

/** Also tells two attempts apart, and refuses the same one twice. */
function containerName({ metadata }: ContainerSaid, sandbox: SandboxSaid): string {
  const pod = sandbox.metadata;
  return ["k8s", metadata?.name, pod?.name, pod?.namespace, pod?.uid, metadata?.attempt].join("_");
}

function configOf(pod: PodRecord, kept: ContainerKept): CreateContainer["config"] {
  const { said } = kept;
  const signal = stopSignal(said.stopSignal);
  const user = userOf(said.linux?.security);
  return {
    Image: said.image?.image ?? "",
    // With the host's network comes the host's name.
    ...(pod.network !== "host" && { Hostname: pod.hostname }),
    Labels: labelsOf(kept),
    ...(said.command.length > 0 && { Entrypoint: [...said.command] }),
    ...(said.args.length > 0 && { Cmd: [...said.args] }),
    ...(said.workingDir !== "" && { WorkingDir: said.workingDir }),
    Env: said.envs.map(({ key, value }) => `${key}=${value}`),
    Tty: said.tty,
    OpenStdin: said.stdin,
    StdinOnce: said.stdinOnce,
    ...(user !== "" && { User: user }),
    ...(signal !== undefined && { StopSignal: signal }),
  };
}

/** @throws Failure("invalid") for a group without a user, as the CRI wants it */
function userOf(security: Security | undefined): string {
  const user = security?.runAsUsername || security?.runAsUser?.toString();
  if (user === undefined) {
    if (security?.runAsGroup === undefined) return "";
    throw new Failure("invalid", `run as group ${security.runAsGroup}: without a user there is no group`);
  }
  return security?.runAsGroup === undefined ? user : `${user}:${security.runAsGroup}`;
}

function sharedWith(pod: PodRecord, security: Security | undefined): Partial<HostConfig> {
  const { pid, ipc, targetId } = { pid: 0, ipc: 0, targetId: "", ...security?.namespaces };
  return {
    NetworkMode: pod.network === "host" ? "host" : `pod:${pod.id}`,
    ...(pod.network === "host" && { UTSMode: "host" }),
    IpcMode: ipc === namespaceModes.node ? "host" : `pod:${pod.id}`,
    ...(pid === namespaceModes.pod && { PidMode: `pod:${pod.id}` }),
    ...(pid === namespaceModes.node && { PidMode: "host" }),
    ...(pid === namespaceModes.target && { PidMode: `container:${targetId}` }),
  };
}

/** Zero means "as it is", here and there. */
export function resourcesOf(resources: Read<typeof Resources> | undefined): Partial<HostConfig> {
  if (resources === undefined) return {};
  return {
    CpuPeriod: resources.cpuPeriod,
    CpuQuota: resources.cpuQuota,
    CpuShares: resources.cpuShares,
    CpusetCpus: resources.cpusetCpus,
    CpusetMems: resources.cpusetMems,
    Memory: resources.memoryLimit,
    // Kubernetes gives no swap unless it says so.
    MemorySwap: resources.memorySwapLimit || resources.memoryLimit,
    OomScoreAdj: resources.oomScoreAdj,
  };
}

function securityOf(security: Security | undefined): Partial<HostConfig> {
  // What names no profile is unconfined, as with containerd; kubelet always names one.
  if (security === undefined) return { SecurityOpt: ["seccomp=unconfined"] };
  const seccomp = seccompOf(security);
  const options = [
    ...(security.noNewPrivileges ? ["no-new-privileges"] : []),
    ...(seccomp === undefined ? [] : [`seccomp=${seccomp}`]),
  ];
  return {
    Privileged: security.privileged,
    ReadonlyRootfs: security.readOnlyRootfs,
    CapAdd: [...(security.capabilities?.add ?? [])],
    CapDrop: [...(security.capabilities?.drop ?? [])],
    GroupAdd: security.supplementalGroups.map(String),
    SecurityOpt: options,
    ...(security.maskedPaths.length > 0 && { MaskedPaths: [...security.maskedPaths] }),
    ...(security.readonlyPaths.length > 0 && { ReadonlyPaths: [...security.readonlyPaths] }),
  };
}

/** @throws Failure("invalid") for a profile that cannot be read */
function seccompOf({ seccomp, privileged }: Security): string | undefined {
  // As with containerd, whose privileged containers have none.
  if (privileged) return undefined;
  if (seccomp === undefined || seccomp.type === profileTypes.unconfined) return "unconfined";
  if (seccomp.type !== profileTypes.localhost) return undefined;
  const path = seccomp.localhostRef.replace(/^localhost\//, "");
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new Failure("invalid", `seccomp profile ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** "": Kubernetes wants no log. */
export function logPathOf(sandbox: SandboxSaid, { logPath }: ContainerSaid): string {
  return sandbox.logDirectory === "" || logPath === "" ? "" : join(sandbox.logDirectory, logPath);
}
