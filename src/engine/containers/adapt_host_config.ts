/** What Docker puts into a host config before it is kept (moby 20.10, daemon/daemon_unix.go, `adaptContainerSettings`). */
import { hostCgroups } from "../../runtime/index.ts";
import { defaultHostConfig } from "./host_config.ts";
import type { HostConfig } from "./record.ts";

/** @param given what the user set; a zero or empty value means the same as none */
export function adaptHostConfig(given: Partial<HostConfig>): HostConfig {
  const defaults = defaultHostConfig();
  const hostConfig: HostConfig = { ...defaults, ...given };
  const { Memory, MemorySwap, Privileged, PidMode, IpcMode, SecurityOpt } = hostConfig;
  const labelled = SecurityOpt?.some((option) => /^label[=:]/.test(option)) === true;
  const unlabelled = !labelled && (Privileged || PidMode === "host" || IpcMode === "host");
  return {
    ...hostConfig,
    NetworkMode: hostConfig.NetworkMode || "default",
    LogConfig: logConfig(hostConfig["LogConfig"]),
    // The record says how much it is; to the runtime it means the same.
    MemorySwap: Memory > 0 && MemorySwap === 0 ? Memory * 2 : MemorySwap,
    ShmSize: hostConfig.ShmSize || defaults.ShmSize,
    IpcMode: IpcMode || "private",
    CgroupnsMode: hostConfig.CgroupnsMode || cgroupNamespace(Privileged),
    OomKillDisable: hostConfig.OomKillDisable ?? false,
    Runtime: hostConfig.Runtime || "runc",
    ...(unlabelled && { SecurityOpt: [...(SecurityOpt ?? []), "label=disable"] }),
    MaskedPaths: Privileged ? null : (hostConfig.MaskedPaths ?? defaults.MaskedPaths ?? null),
    ReadonlyPaths: Privileged ? null : (hostConfig.ReadonlyPaths ?? defaults.ReadonlyPaths ?? null),
  };
}

function logConfig(given: unknown): { Type: string; Config: object } {
  const { Type, Config } = (given ?? {}) as { readonly Type?: string; readonly Config?: object | null };
  return { Type: Type || "json-file", Config: Config ?? {} };
}

function cgroupNamespace(privileged: boolean): "host" | "private" {
  return hostCgroups().version === 2 && !privileged ? "private" : "host";
}
