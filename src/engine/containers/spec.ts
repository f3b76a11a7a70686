/** From a container's record to what the runtime is asked for. */
import {
  containerSpec,
  type BindMount,
  type ContainerLimits,
  type FileMounts,
  type HostEntry,
  type NamespaceChoice,
  type OciSpec,
} from "../../runtime/index.ts";
import type { ContainerRecord, HostConfig } from "./record.ts";

export interface SpecPlace {
  /** The mounted root filesystem. */
  readonly rootfs: string;
  readonly files: FileMounts;
  readonly warn: ((text: string) => void) | undefined;
  /** Undefined: as the record says, a new one of its own or the host's. */
  readonly networkNamespace?: string | undefined;
}

export function specOf(record: ContainerRecord, hostConfig: HostConfig, place: SpecPlace): OciSpec {
  const { Config: config } = record;
  const securityOptions = hostConfig.SecurityOpt ?? [];
  return containerSpec({
    id: record.ID,
    rootfs: place.rootfs,
    image: config,
    files: place.files,
    hostname: config.Hostname ?? "",
    terminal: config.Tty === true,
    network: networkOf(hostConfig, place),
    binds: bindsOf(record),
    ...(hostConfig.Tmpfs !== undefined && { tmpfs: hostConfig.Tmpfs }),
    shmSize: hostConfig.ShmSize,
    readOnly: hostConfig.ReadonlyRootfs,
    limits: limitsOf(hostConfig),
    ...(hostConfig.CapAdd !== null && { capAdd: hostConfig.CapAdd }),
    ...(hostConfig.CapDrop !== null && { capDrop: hostConfig.CapDrop }),
    privileged: hostConfig.Privileged,
    noNewPrivileges: securityOptions.some((option) => /^no-new-privileges([:=]true)?$/.test(option)),
    ...(securityOptions.some((option) => /^seccomp[:=]unconfined$/.test(option)) && {
      seccomp: "unconfined" as const,
    }),
    ...(place.warn !== undefined && { warn: place.warn }),
  });
}

function networkOf(hostConfig: HostConfig, { networkNamespace }: SpecPlace): NamespaceChoice {
  if (networkNamespace !== undefined) return { path: networkNamespace };
  return hostConfig.NetworkMode === "host" ? "host" : "private";
}

/** `--add-host name:address`. */
export function hostEntries(hostConfig: HostConfig): HostEntry[] {
  return (hostConfig.ExtraHosts ?? []).map((text) => {
    const colon = text.indexOf(":");
    return { name: text.slice(0, colon), address: text.slice(colon + 1) };
  });
}

function bindsOf(record: ContainerRecord): BindMount[] {
  return Object.values(record.MountPoints ?? {}).map((point) => ({
    source: point.Source,
    destination: point.Destination,
    readOnly: !point.RW,
    propagation: (point["Propagation"] as BindMount["propagation"]) ?? "rprivate",
  }));
}

/** Zero means "not set" in Docker's record. */
export function limitsOf(hostConfig: HostConfig): ContainerLimits {
  const { Memory, MemorySwap, NanoCpus, CpuShares, PidsLimit } = hostConfig;
  return {
    ...(Memory > 0 && { memory: Memory }),
    ...(MemorySwap !== 0 && { memorySwap: MemorySwap }),
    ...(NanoCpus > 0 && { cpus: NanoCpus / 1e9 }),
    ...(CpuShares > 0 && { cpuShares: CpuShares }),
    ...(PidsLimit !== null && { pids: PidsLimit }),
  };
}
