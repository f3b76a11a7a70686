/** `config.json` of a bundle, as far as it is written here (opencontainers/runtime-spec 1.0.2, config.md, config-linux.md). */

export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface OciUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids?: readonly number[];
}

export interface OciProcess {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: OciUser;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities?: Readonly<
    Partial<Record<"bounding" | "effective" | "permitted" | "inheritable" | "ambient", readonly string[]>>
  >;
  readonly rlimits?: readonly OciRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly oomScoreAdj?: number;
}

export interface OciRlimit {
  readonly type: string;
  /** 64 bits without sign: `RLIM_INFINITY` is more than a number can hold. */
  readonly soft: number | bigint;
  readonly hard: number | bigint;
}

export interface OciDevice {
  readonly path: string;
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface OciDeviceRule {
  readonly allow: boolean;
  readonly type?: "c" | "b";
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

export interface OciNamespace {
  readonly type: "mount" | "network" | "uts" | "pid" | "ipc" | "cgroup";
  readonly path?: string;
}

export interface OciResources {
  readonly devices: readonly OciDeviceRule[];
  readonly memory?: {
    readonly limit?: number;
    readonly reservation?: number;
    readonly swap?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
  };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly realtimePeriod?: number;
    readonly realtimeRuntime?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: OciBlockLimits;
}

export interface OciDeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/** Bytes or operations a second. */
type OciThrottle = readonly (OciDeviceNumber & { readonly rate: number })[];

export interface OciBlockLimits {
  readonly weight?: number;
  readonly weightDevice?: readonly (OciDeviceNumber & { readonly weight: number })[];
  readonly throttleReadBpsDevice?: OciThrottle;
  readonly throttleWriteBpsDevice?: OciThrottle;
  readonly throttleReadIOPSDevice?: OciThrottle;
  readonly throttleWriteIOPSDevice?: OciThrottle;
}

export interface OciSeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly value: number;
    readonly valueTwo?: number;
    readonly op: string;
  }[];
}

export interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly syscalls?: readonly OciSeccompRule[];
}

export interface OciLinux {
  readonly sysctl?: Readonly<Record<string, string>>;
  /** These two are absent where control groups are not ours to change. */
  readonly resources?: OciResources;
  readonly cgroupsPath?: string;
  readonly namespaces: readonly OciNamespace[];
  readonly devices?: readonly OciDevice[];
  readonly seccomp?: OciSeccomp;
  readonly rootfsPropagation?: string;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
}

export interface OciSpec {
  readonly ociVersion: string;
  readonly process: OciProcess;
  readonly root: { readonly path: string; readonly readonly?: boolean };
  readonly hostname?: string;
  readonly mounts: readonly OciMount[];
  readonly linux: OciLinux;
}
