/** Docker's `container.HostConfig` as clients send it. */
import {
  dictionary,
  integer,
  list,
  optional,
  pairOf,
  pointer,
  struct,
  text,
  truth,
  words,
} from "../../../http/index.ts";

const int64 = integer("int64");
const uint16 = integer("uint16");
const uint64 = integer("uint64");

const weightDevice = struct("blkiodev.WeightDevice", { Path: text, Weight: uint16 });
const throttleDevice = struct("blkiodev.ThrottleDevice", { Path: text, Rate: uint64 });
const portBinding = struct("nat.PortBinding", { HostIp: text, HostPort: text });
const ulimit = struct("units.Ulimit", { Name: text, Hard: int64, Soft: int64 });
const device = struct("container.DeviceMapping", {
  PathOnHost: text,
  PathInContainer: text,
  CgroupPermissions: text,
});
const deviceRequest = struct("container.DeviceRequest", {
  Driver: text,
  Count: integer("int"),
  DeviceIDs: list(text),
  Capabilities: list(list(text)),
  Options: dictionary(text),
});

const mount = struct("mount.Mount", {
  Type: optional(text),
  Source: optional(text),
  Target: optional(text),
  ReadOnly: optional(truth),
  Consistency: optional(text),
  BindOptions: optional(
    pointer(
      struct("mount.BindOptions", {
        Propagation: optional(text),
        NonRecursive: optional(truth),
        CreateMountpoint: optional(truth),
        ReadOnlyNonRecursive: optional(truth),
        ReadOnlyForceRecursive: optional(truth),
      }),
    ),
  ),
  VolumeOptions: optional(
    pointer(
      struct("mount.VolumeOptions", {
        NoCopy: optional(truth),
        Labels: optional(dictionary(text)),
        Subpath: optional(text),
        DriverConfig: optional(
          pointer(struct("mount.Driver", { Name: optional(text), Options: optional(dictionary(text)) })),
        ),
      }),
    ),
  ),
  ImageOptions: optional(pointer(struct("mount.ImageOptions", { Subpath: optional(text) }))),
  TmpfsOptions: optional(
    pointer(
      struct("mount.TmpfsOptions", {
        SizeBytes: optional(int64),
        Mode: optional(integer("uint32")),
        Options: optional(list(list(text))),
      }),
    ),
  ),
});

export const hostConfigShape = struct("container.HostConfig", {
  Binds: list(text),
  ContainerIDFile: text,
  LogConfig: struct("container.LogConfig", { Type: text, Config: dictionary(text) }),
  NetworkMode: text,
  PortBindings: dictionary(list(portBinding)),
  RestartPolicy: struct("container.RestartPolicy", { Name: text, MaximumRetryCount: integer("int") }),
  AutoRemove: truth,
  VolumeDriver: text,
  VolumesFrom: list(text),
  Annotations: optional(dictionary(text)),
  CapAdd: words,
  CapDrop: words,
  CgroupnsMode: text,
  Dns: list(text),
  DnsOptions: list(text),
  DnsSearch: list(text),
  ExtraHosts: list(text),
  GroupAdd: list(text),
  IpcMode: text,
  Cgroup: text,
  Links: list(text),
  OomScoreAdj: integer("int"),
  PidMode: text,
  Privileged: truth,
  PublishAllPorts: truth,
  ReadonlyRootfs: truth,
  SecurityOpt: list(text),
  StorageOpt: optional(dictionary(text)),
  Tmpfs: optional(dictionary(text)),
  UTSMode: text,
  UsernsMode: text,
  ShmSize: int64,
  Sysctls: optional(dictionary(text)),
  Runtime: optional(text),
  ConsoleSize: pairOf(integer("uint")),
  Isolation: text,
  CpuShares: int64,
  Memory: int64,
  NanoCpus: int64,
  CgroupParent: text,
  BlkioWeight: uint16,
  BlkioWeightDevice: list(weightDevice),
  BlkioDeviceReadBps: list(throttleDevice),
  BlkioDeviceWriteBps: list(throttleDevice),
  BlkioDeviceReadIOps: list(throttleDevice),
  BlkioDeviceWriteIOps: list(throttleDevice),
  CpuPeriod: int64,
  CpuQuota: int64,
  CpuRealtimePeriod: int64,
  CpuRealtimeRuntime: int64,
  CpusetCpus: text,
  CpusetMems: text,
  Devices: list(device),
  DeviceCgroupRules: list(text),
  DeviceRequests: list(deviceRequest),
  KernelMemory: int64,
  KernelMemoryTCP: int64,
  MemoryReservation: int64,
  MemorySwap: int64,
  MemorySwappiness: pointer(int64),
  OomKillDisable: pointer(truth),
  PidsLimit: pointer(int64),
  Ulimits: list(ulimit),
  CpuCount: int64,
  CpuPercent: int64,
  IOMaximumIOps: uint64,
  IOMaximumBandwidth: uint64,
  Mounts: optional(list(mount)),
  MaskedPaths: list(text),
  ReadonlyPaths: list(text),
  Init: optional(pointer(truth)),
});
