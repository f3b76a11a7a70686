/** The half of a container's making that is about this host (docker/cli, cli/command/container/opts.go, `parse`). */
import { readFileSync } from "node:fs";
import type { HostConfig } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { ContainerFlagValues } from "./container_config.ts";
import { mountOptions } from "./mount_flags.ts";
import { parseDevice, parseDeviceRate, parseUlimit, parseWeightDevice } from "./parse_limits.ts";
import { parsePorts } from "./parse_publish.ts";
import { parseRestartPolicy } from "./parse_restart_policy.ts";

/** `networkMode`: where the flags name none. Throws `Failure("invalid")` in Docker's words. */
export function hostConfig(
  flags: ContainerFlagValues,
  { autoRemove, networkMode }: { readonly autoRemove: boolean; readonly networkMode: string },
): Partial<HostConfig> {
  const restart = parseRestartPolicy(flags.restart);
  if (autoRemove && restart.Name !== "no" && restart.Name !== "") {
    throw new Failure("invalid", "conflicting options: cannot specify both --restart and --rm");
  }
  return {
    NetworkMode: networkMode,
    AutoRemove: autoRemove,
    RestartPolicy: restart,
    Dns: [...flags.dns],
    DnsOptions: [...flags["dns-option"], ...flags["dns-opt"]],
    DnsSearch: [...flags["dns-search"]],
    ExtraHosts: orNull(flags["add-host"]),
    Links: orNull(flags.link),
    PortBindings: parsePorts(flags.publish, []).bindings,
    PublishAllPorts: flags["publish-all"],
    ...mountOptions(flags),
    ReadonlyRootfs: flags["read-only"],
    ShmSize: flags["shm-size"] ?? 67_108_864,
    ...privilegesOf(flags),
    ...namespacesOf(flags),
    ...limitsOf(flags),
    ...devicesOf(flags),
    LogConfig: { Type: flags["log-driver"] ?? "", Config: Object.fromEntries(flags["log-opt"]) },
    ...(flags.init && { Init: true }),
    ...(flags.runtime !== undefined && { Runtime: flags.runtime }),
    ...(flags.annotation.size > 0 && { Annotations: Object.fromEntries(flags.annotation) }),
  };
}

function privilegesOf(flags: ContainerFlagValues): Partial<HostConfig> {
  return {
    CapAdd: orNull(flags["cap-add"]),
    CapDrop: orNull(flags["cap-drop"]),
    GroupAdd: orNull(flags["group-add"]),
    Privileged: flags.privileged,
    SecurityOpt: orNull(flags["security-opt"].map(withProfile)),
  };
}

/** A profile's file is the caller's: the engine gets what stands in it. */
function withProfile(option: string): string {
  const [, path] = /^seccomp[=:](.+)$/s.exec(option) ?? [];
  if (path === undefined || ["unconfined", "builtin"].includes(path) || path.trimStart().startsWith("{"))
    return option;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new Failure("invalid", `opening seccomp profile (${path}) failed: ${(cause as Error).message}`, {
      cause,
    });
  }
  try {
    return `seccomp=${JSON.stringify(JSON.parse(text))}`;
  } catch (cause) {
    throw new Failure(
      "invalid",
      `compacting json for seccomp profile (${path}) failed: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function namespacesOf(flags: ContainerFlagValues): Partial<HostConfig> {
  return {
    CgroupParent: flags["cgroup-parent"] ?? "",
    CgroupnsMode: flags.cgroupns ?? "",
    IpcMode: flags.ipc ?? "",
    PidMode: flags.pid ?? "",
    UsernsMode: flags.userns ?? "",
    UTSMode: flags.uts ?? "",
    ...(flags.sysctl.size > 0 && { Sysctls: Object.fromEntries(flags.sysctl) }),
  };
}

/** The limits of `run`, `create` and `update`. What is absent is no limit, or stays as it is. */
export function limitsOf(flags: LimitValues): Partial<HostConfig> {
  const given = {
    BlkioWeight: flags["blkio-weight"],
    CpuPeriod: flags["cpu-period"],
    CpuQuota: flags["cpu-quota"],
    CpuRealtimePeriod: flags["cpu-rt-period"],
    CpuRealtimeRuntime: flags["cpu-rt-runtime"],
    CpuShares: flags["cpu-shares"],
    NanoCpus: flags.cpus === undefined ? undefined : Math.round(flags.cpus * 1e9),
    CpusetCpus: flags["cpuset-cpus"],
    CpusetMems: flags["cpuset-mems"],
    Memory: flags.memory,
    MemoryReservation: flags["memory-reservation"],
    MemorySwap: flags["memory-swap"],
    PidsLimit: flags["pids-limit"],
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

export type LimitValues = Pick<
  ContainerFlagValues,
  | "blkio-weight"
  | "cpu-period"
  | "cpu-quota"
  | "cpu-rt-period"
  | "cpu-rt-runtime"
  | "cpu-shares"
  | "cpus"
  | "cpuset-cpus"
  | "cpuset-mems"
  | "memory"
  | "memory-reservation"
  | "memory-swap"
  | "pids-limit"
>;

function devicesOf(flags: ContainerFlagValues): Partial<HostConfig> {
  const bytes = parseDeviceRate("bytes");
  const operations = parseDeviceRate("operations");
  return {
    BlkioWeightDevice: flags["blkio-weight-device"].map(parseWeightDevice),
    BlkioDeviceReadBps: flags["device-read-bps"].map(bytes),
    BlkioDeviceReadIOps: flags["device-read-iops"].map(operations),
    BlkioDeviceWriteBps: flags["device-write-bps"].map(bytes),
    BlkioDeviceWriteIOps: flags["device-write-iops"].map(operations),
    Devices: flags.device.map(parseDevice),
    DeviceCgroupRules: orNull(flags["device-cgroup-rule"]),
    MemorySwappiness: flags["memory-swappiness"] ?? null,
    OomKillDisable: flags["oom-kill-disable"],
    OomScoreAdj: flags["oom-score-adj"] ?? 0,
    Ulimits: flags.ulimit.map(parseUlimit),
  };
}

function orNull(values: readonly string[]): string[] | null {
  return values.length > 0 ? [...values] : null;
}
