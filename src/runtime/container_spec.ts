/**
 * `config.json` from an image's config and the user's options, with the defaults of Docker 20.10, compared field by
 * field with what its daemon writes. Meant to differ:
 * - `cgroupsPath` is `/varve-<id>` where no parent is named: none is left behind when the container is gone;
 * - the host's network is "no network namespace", not the path of one that the daemon holds;
 * - /sys/devices/virtual/powercap is masked too, as since 20.10.27 (GHSA-jq35-85cj-fj4p);
 * - `ALL` and `privileged` mean the capabilities that we hold, not those that the kernel knows;
 * - empty `hooks`, zero `cpu.shares` and `blockIO.weight`, which mean nothing, are left out.
 */
import { hostname as hostName } from "node:os";
import { isAbsolute, posix } from "node:path";
import { Failure } from "../errors.ts";
import type { ContainerConfig } from "../oci/index.ts";
import { containerCapabilities } from "./capabilities.ts";
import { containerArgs, containerEnv, type CommandChoice } from "./container_command.ts";
import { containerDevices, type DeviceMapping } from "./container_devices.ts";
import { checkLimits, limitResources, type ContainerLimits } from "./container_limits.ts";
import { containerMounts, initPath, rootPropagation, type MountChoice } from "./container_mounts.ts";
import { containerUser, type GroupMembership } from "./container_user.ts";
import { hostCgroups, type HostCgroups } from "./host_cgroups.ts";
import type {
  OciDeviceRule,
  OciLinux,
  OciNamespace,
  OciProcess,
  OciRlimit,
  OciSeccomp,
  OciSpec,
} from "./oci_spec.ts";
import { readRootFile } from "./root_file.ts";
import { rootlessSpec } from "./rootless_spec.ts";
import { seccompProfile, type SeccompArchitecture } from "./seccomp.ts";
import { userNamespace, type UserNamespace } from "../sys/index.ts";
import { words } from "./words.ts";

/** Where a container's namespace of one kind comes from. */
export type NamespaceChoice = "private" | "host" | { readonly path: string };

export interface Ulimit {
  /** `nofile`, `nproc`... */
  readonly name: string;
  /** -1: no limit. */
  readonly soft: number;
  readonly hard: number;
}

export interface SpecOptions extends CommandChoice, MountChoice {
  /** 64 hex digits. */
  readonly id: string;
  /** Absolute path of the mounted root filesystem. */
  readonly rootfs: string;
  /** The image's `Config`. */
  readonly image: ContainerConfig;
  /** `NAME=value`, or `NAME` to take a variable away. */
  readonly env?: readonly string[];
  /** Default: the image's. */
  readonly user?: string;
  readonly groups?: readonly string[];
  /** Default: as Docker has it. */
  readonly groupMembership?: GroupMembership;
  /** Default: the image's, else `/`. */
  readonly workingDir?: string;
  /** Default: the first 12 digits of the id; with the host's network the host's name. */
  readonly hostname?: string;
  readonly domainname?: string;
  readonly terminal?: boolean;
  /** Characters; the terminal's first size. */
  readonly consoleSize?: { readonly columns: number; readonly rows: number };
  /** `private` is a namespace with nothing but a loopback interface: `--network none`. */
  readonly network: NamespaceChoice;
  readonly ipc?: NamespaceChoice;
  readonly pid?: NamespaceChoice;
  readonly uts?: "private" | "host";
  /** Default: host on cgroup v1, private on v2. */
  readonly cgroupns?: "private" | "host";
  readonly limits?: ContainerLimits;
  readonly ulimits?: readonly Ulimit[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly privileged?: boolean;
  readonly noNewPrivileges?: boolean;
  /** Default: {@link seccompProfile}. */
  readonly seccomp?: "unconfined" | OciSeccomp;
  readonly devices?: readonly DeviceMapping[];
  readonly deviceRules?: readonly OciDeviceRule[];
  /** Default: Docker's. */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  /** The cgroup under which the container's is made; default: none. */
  readonly cgroupParent?: string;
  /** Default: asked from the kernel. */
  readonly host?: HostCgroups;
  /** Where this process is root of a user namespace only; default: asked from the kernel. */
  readonly userNamespace?: UserNamespace | undefined;
  /** Takes what this machine cannot do and Docker only warns of. */
  readonly warn?: (text: string) => void;
}

const maskedPaths: readonly string[] = words(`
  /proc/asound /proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list
  /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap
`);
const readonlyPaths: readonly string[] = words("/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger");

/**
 * Makes the spec. Reads /etc/passwd and /etc/group in `rootfs`, which must be mounted.
 * @throws {Failure} `invalid` in Docker's words for options that do not fit the image or this machine
 */
export function containerSpec(options: SpecOptions): OciSpec {
  const host = options.host ?? hostCgroups();
  const namespace = "userNamespace" in options ? options.userNamespace : userNamespace();
  const warnings = checkLimits(options.limits ?? {}, host);
  if (namespace !== undefined) return rootlessSpec(specForRoot(options, host), namespace, options);
  for (const warning of warnings) options.warn?.(warning);
  return specForRoot(options, host);
}

function specForRoot(options: SpecOptions, host: HostCgroups): OciSpec {
  const hostname = containerHostname(options);
  const capabilities = containerCapabilities({
    ...(options.capAdd === undefined ? {} : { add: options.capAdd }),
    ...(options.capDrop === undefined ? {} : { drop: options.capDrop }),
    privileged: options.privileged === true,
  });
  return {
    ociVersion: "1.0.2",
    process: containerProcess(options, hostname, capabilities),
    root: { path: options.rootfs, ...(options.readOnly === true ? { readonly: true } : {}) },
    ...(options.uts === "host" ? {} : { hostname }),
    mounts: containerMounts({
      ...(options.ipc === "host" && { sharedMemory: { path: "/dev/shm" } }),
      ...options,
    }),
    linux: containerLinux(options, host, capabilities),
  };
}

/** The container's name for itself: what is in /etc/hostname and $HOSTNAME. */
export function containerHostname(options: Pick<SpecOptions, "id" | "hostname" | "network">): string {
  if (options.hostname !== undefined && options.hostname !== "") return options.hostname;
  return options.network === "host" ? hostName() : options.id.slice(0, 12);
}

function containerProcess(
  options: SpecOptions,
  hostname: string,
  capabilities: readonly string[],
): OciProcess {
  const { image } = options;
  const terminal = options.terminal === true;
  const args = containerArgs(image, options);
  const accounts = {
    passwd: readRootFile(options.rootfs, "/etc/passwd") ?? "",
    group: readRootFile(options.rootfs, "/etc/group") ?? "",
  };
  const name = options.user ?? image.User ?? "";
  const user = containerUser(name, options.groups ?? [], accounts, options.groupMembership);
  // A user other than root gets none at first, only the right to gain them from set-uid programs.
  const sets = user.uid === 0 ? (["bounding", "effective", "permitted"] as const) : (["bounding"] as const);
  const size = options.consoleSize;
  return {
    ...(terminal ? { terminal } : {}),
    ...(terminal && size ? { consoleSize: { height: size.rows, width: size.columns } } : {}),
    user,
    args: options.init === undefined ? args : [initPath, "--", ...args],
    env: containerEnv({ image: image.Env ?? [], user: options.env ?? [], hostname, terminal }),
    cwd: workingDirectory(options),
    capabilities: Object.fromEntries(sets.map((set) => [set, capabilities])),
    ...(options.ulimits === undefined ? {} : { rlimits: options.ulimits.map(rlimit) }),
    ...(options.noNewPrivileges === true ? { noNewPrivileges: true } : {}),
    oomScoreAdj: options.limits?.oomScoreAdj ?? 0,
  };
}

function workingDirectory({ workingDir, image }: SpecOptions): string {
  const directory = workingDir || image.WorkingDir || "/";
  if (isAbsolute(directory)) return directory;
  const message = `the working directory '${directory}' is invalid, it needs to be an absolute path`;
  throw new Failure("invalid", message);
}

const ulimitNames = new Set(
  "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

type Limit = OciRlimit["soft"];

const unlimited: Limit = 2n ** 64n - 1n;

function rlimit({ name, soft, hard }: Ulimit): OciRlimit {
  if (!ulimitNames.has(name)) throw new Failure("invalid", `invalid ulimit type: ${name}`);
  const [softest, hardest] = [soft, hard].map((limit) => (limit < 0 ? unlimited : limit)) as [Limit, Limit];
  if (softest > hardest)
    throw new Failure(
      "invalid",
      `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
    );
  return { type: `RLIMIT_${name.toUpperCase()}`, soft: softest, hard: hardest };
}

function containerLinux(options: SpecOptions, host: HostCgroups, capabilities: readonly string[]): OciLinux {
  const privileged = options.privileged === true;
  const { devices, rules } = containerDevices(options.devices ?? [], options.deviceRules ?? [], privileged);
  const seccomp = containerSeccomp(options, capabilities);
  const propagation = rootPropagation(options.binds ?? []);
  return {
    sysctl: containerSysctls(options),
    resources: { devices: rules, ...limitResources(options.limits ?? {}, host) },
    cgroupsPath: cgroupsPath(options),
    namespaces: containerNamespaces(options, host),
    ...(devices.length > 0 ? { devices } : {}),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
    ...(privileged
      ? {}
      : {
          maskedPaths: options.maskedPaths ?? maskedPaths,
          readonlyPaths: options.readonlyPaths ?? readonlyPaths,
        }),
  };
}

function cgroupsPath({ cgroupParent, id }: SpecOptions): string {
  return cgroupParent === undefined ? `/varve-${id}` : posix.join(cgroupParent, id);
}

/** Ports below 1024 and ping need no capability in a network of the container's own. */
function containerSysctls(options: SpecOptions): Record<string, string> {
  const own = options.network !== "host";
  return {
    ...(own && { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" }),
    ...(options.domainname ? { "kernel.domainname": options.domainname } : {}),
    ...options.sysctls,
  };
}

function containerNamespaces(options: SpecOptions, host: HostCgroups): OciNamespace[] {
  const cgroup = options.cgroupns ?? (host.version === 2 && options.privileged !== true ? "private" : "host");
  const choices: [OciNamespace["type"], NamespaceChoice][] = [
    ["mount", "private"],
    ["network", options.network],
    ["uts", options.uts ?? "private"],
    ["pid", options.pid ?? "private"],
    ["ipc", options.ipc ?? "private"],
    ["cgroup", cgroup],
  ];
  return choices.flatMap(([type, choice]) => {
    if (choice === "host") return [];
    return choice === "private" ? [{ type }] : [{ type, path: choice.path }];
  });
}

function containerSeccomp(options: SpecOptions, capabilities: readonly string[]): OciSeccomp | undefined {
  if (options.seccomp === "unconfined") return undefined;
  // One that was asked for holds for privileged containers, too (moby since 26.0, daemon/seccomp_linux.go).
  if (options.seccomp !== undefined) return options.seccomp;
  if (options.privileged === true) return undefined;
  if (process.arch !== "x64" && process.arch !== "arm64")
    throw new Failure("unsupported", `seccomp: no default profile for ${process.arch}`, {
      hint: "Run it with --security-opt seccomp=unconfined.",
    });
  return seccompProfile(capabilities, process.arch satisfies SeccompArchitecture);
}
