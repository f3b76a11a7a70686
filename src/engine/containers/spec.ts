/** From a container's record to what the runtime is asked for. */
import { posix } from "node:path";
import {
  containerSpec,
  type BindMount,
  type FileMounts,
  type HostEntry,
  type NamespaceChoice,
  type OciSpec,
  type SpecOptions,
  type Ulimit,
} from "../../runtime/index.ts";
import { sysctlsOfRuntime } from "../networks/endpoint_sysctls.ts";
import { deviceRulesOf, devicesOf } from "./device_options.ts";
import { defaultHostConfig } from "./host_config.ts";
import type { JoinedNamespaces } from "./joined_namespaces.ts";
import { limitsOf } from "./limits_of.ts";
import type { ContainerRecord, HostConfig } from "./record.ts";
import { seccompOf, securityOf } from "./security_options.ts";

export interface SpecPlace {
  /** The mounted root filesystem. */
  readonly rootfs: string;
  readonly files: FileMounts;
  readonly warn: ((text: string) => void) | undefined;
  /** Undefined: as the record says, a new one of its own or the host's. */
  readonly networkNamespace?: string | undefined;
  /** Those of other containers. */
  readonly joined?: JoinedNamespaces;
  /** What `--ipc shareable` has as /dev/shm. */
  readonly sharedMemory?: string | undefined;
  /** The program of `--init`. */
  readonly init?: string | undefined;
  /** Whether the runtime can make all read-only that is mounted below a mount. */
  readonly recursiveReadOnly?: boolean;
}

export function specOf(record: ContainerRecord, hostConfig: HostConfig, place: SpecPlace): OciSpec {
  const { Config: config } = record;
  const [rows = 0, columns = 0] = hostConfig.ConsoleSize ?? [];
  return containerSpec({
    id: record.ID,
    rootfs: place.rootfs,
    image: config,
    files: place.files,
    hostname: config.Hostname ?? "",
    domainname: config.Domainname ?? "",
    terminal: config.Tty === true,
    ...(rows > 0 && columns > 0 && { consoleSize: { rows, columns } }),
    ...namespacesOf(hostConfig, place),
    binds: bindsOf(record, place.recursiveReadOnly === true),
    ...(hostConfig.Tmpfs !== undefined && { tmpfs: hostConfig.Tmpfs }),
    ...(place.init !== undefined && { init: place.init }),
    shmSize: hostConfig.ShmSize,
    readOnly: hostConfig.ReadonlyRootfs,
    groups: hostConfig.GroupAdd ?? [],
    ...(hostConfig.GroupMembership && { groupMembership: hostConfig.GroupMembership }),
    limits: limitsOf(hostConfig),
    ...(hostConfig.Ulimits?.length && { ulimits: hostConfig.Ulimits.map(ulimitOf) }),
    sysctls: sysctlsOfRuntime(record, hostConfig),
    devices: devicesOf(hostConfig),
    deviceRules: deviceRulesOf(hostConfig),
    ...(hostConfig.CgroupParent && { cgroupParent: posix.join("/", hostConfig.CgroupParent) }),
    ...protectionOf(record, hostConfig),
    ...(place.warn !== undefined && { warn: place.warn }),
  });
}

const usual = defaultHostConfig();

/** Records have dockerd's usual lists as well; the runtime's are longer. `systempaths=unconfined` comes as two empty ones. */
function isOwnList(list: string[] | null | undefined, usualOne: HostConfig["MaskedPaths"]): list is string[] {
  return list !== null && list !== undefined && list.join(":") !== usualOne?.join(":");
}

function protectionOf(record: ContainerRecord, hostConfig: HostConfig): Partial<SpecOptions> {
  const { CapAdd, CapDrop, MaskedPaths, ReadonlyPaths } = hostConfig;
  const security = securityOf(record, hostConfig);
  const seccomp = seccompOf(security, hostConfig);
  return {
    ...(CapAdd !== null && { capAdd: CapAdd }),
    ...(CapDrop !== null && { capDrop: CapDrop }),
    privileged: hostConfig.Privileged,
    noNewPrivileges: security.noNewPrivileges,
    ...(seccomp !== undefined && { seccomp }),
    ...(isOwnList(MaskedPaths, usual.MaskedPaths) && { maskedPaths: MaskedPaths }),
    ...(isOwnList(ReadonlyPaths, usual.ReadonlyPaths) && { readonlyPaths: ReadonlyPaths }),
  };
}

function ulimitOf({ Name, Soft, Hard }: { Name: string; Soft: number; Hard: number }): Ulimit {
  return { name: Name, soft: Soft, hard: Hard };
}

function namespacesOf(hostConfig: HostConfig, place: SpecPlace) {
  const { PidMode, IpcMode, UTSMode, CgroupnsMode } = hostConfig;
  const { pid, ipc } = place.joined ?? {};
  const shared = place.joined?.sharedMemory ?? place.sharedMemory;
  return {
    network: networkOf(hostConfig, place),
    pid: pid ?? (PidMode === "host" ? "host" : "private"),
    ipc: ipc ?? (IpcMode === "host" ? "host" : "private"),
    ...(IpcMode === "none" && { sharedMemory: "none" as const }),
    ...(shared !== undefined && { sharedMemory: { path: shared } }),
    uts: UTSMode === "host" ? "host" : "private",
    ...((CgroupnsMode === "host" || CgroupnsMode === "private") && { cgroupns: CgroupnsMode }),
  } satisfies Partial<SpecOptions>;
}

function networkOf(hostConfig: HostConfig, { networkNamespace, joined }: SpecPlace): NamespaceChoice {
  if (joined?.network !== undefined) return joined.network;
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

/** Where it can be done, what is read-only is so with all that is mounted below it (moby since 25.0, daemon/oci_linux.go). */
function bindsOf(record: ContainerRecord, recursiveReadOnly: boolean): BindMount[] {
  return Object.values(record.MountPoints ?? {}).map((point) => {
    const { NonRecursive, ReadOnlyNonRecursive, ReadOnlyForceRecursive } = point.Spec?.BindOptions ?? {};
    const isDeep = ReadOnlyForceRecursive === true || (recursiveReadOnly && ReadOnlyNonRecursive !== true);
    return {
      source: point.Source,
      destination: point.Destination,
      readOnly: !point.RW,
      ...(NonRecursive === true && { nonRecursive: true }),
      ...(isDeep && { readOnlyRecursive: true }),
      propagation: (point.Propagation as BindMount["propagation"]) ?? "rprivate",
    };
  });
}
