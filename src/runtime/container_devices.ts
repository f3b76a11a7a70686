/** The devices of a container and the rules of its device cgroup. */
import { fromText, type ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import {
  AT_FDCWD,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  statAt,
  statAtIfExists,
  type Stat,
} from "../sys/index.ts";
import { O_DIRECTORY, O_RDONLY, close, isSysError, openAt, readDir } from "../sys/index.ts";
import type { OciDevice, OciDeviceRule } from "./oci_spec.ts";

export interface DeviceMapping {
  readonly hostPath: string;
  /** Default: as on the host. */
  readonly containerPath?: string;
  /** Letters of `rwm`; default all three. */
  readonly permissions?: string;
}

export interface ContainerDevices {
  readonly devices: readonly OciDevice[];
  readonly rules: readonly OciDeviceRule[];
}

const character = (major: number, minor: number, allow = true): OciDeviceRule => {
  return { allow, type: "c", major, minor, access: "rwm" };
};

/** Nothing but zero, null, urandom, random, tty and console; /dev/fuse expressly not (the daemon's own list). */
const defaultRules: readonly OciDeviceRule[] = [
  { allow: false, access: "rwm" },
  character(1, 5),
  character(1, 3),
  character(1, 9),
  character(1, 8),
  character(5, 0),
  character(5, 1),
  character(10, 229, false),
];

/**
 * @param mappings `--device`
 * @param added `--device-cgroup-rule`
 * @param privileged gives every device of the host
 * @throws {Failure} `invalid` for a path that is no device, in Docker's words
 */
export function containerDevices(
  mappings: readonly DeviceMapping[],
  added: readonly OciDeviceRule[],
  privileged: boolean,
): ContainerDevices {
  const mapped = mappings.flatMap(mapDevice);
  const devices = mapped.map(({ device }) => device);
  if (privileged) {
    const given = new Set(devices.map((device) => device.path));
    const host = devicesBelow("/dev").filter((device) => !given.has(device.path));
    return { devices: [...host, ...devices], rules: [{ allow: true, access: "rwm" }, ...added] };
  }
  const rules = mapped.map(({ device, permissions }) => {
    return { allow: true, type: device.type, major: device.major, minor: device.minor, access: permissions };
  });
  return { devices, rules: [...defaultRules, ...rules, ...added] };
}

function mapDevice(mapping: DeviceMapping): { device: OciDevice; permissions: string }[] {
  const { hostPath, containerPath = hostPath, permissions = "rwm" } = mapping;
  if (!/^[rwm]{1,3}$/.test(permissions)) throw new Failure("invalid", `invalid device mode: ${permissions}`);
  const stat = statDevice(hostPath);
  const device = toDevice(containerPath, stat);
  if (device !== undefined) return [{ device, permissions }];
  if ((stat.mode & S_IFMT) !== S_IFDIR) throw notADevice(hostPath, "not a device node");
  const below = devicesBelow(hostPath);
  if (below.length === 0) throw notADevice(hostPath, "not a device node");
  return below.map((found) => {
    const path = containerPath + found.path.slice(hostPath.length);
    return { device: { ...found, path }, permissions };
  });
}

function statDevice(path: string): Stat {
  try {
    return statAt(AT_FDCWD, fromText(path), true);
  } catch (error) {
    if (isSysError(error, "ENOENT", "ENOTDIR")) throw notADevice(path, "no such file or directory");
    throw error;
  }
}

function notADevice(path: string, reason: string): Failure {
  return new Failure(
    "invalid",
    `error gathering device information while adding custom device "${path}": ${reason}`,
  );
}

function toDevice(path: string, stat: Stat): OciDevice | undefined {
  const kind = stat.mode & S_IFMT;
  if (kind !== S_IFCHR && kind !== S_IFBLK) return undefined;
  return {
    path,
    type: kind === S_IFCHR ? "c" : "b",
    major: stat.rdevMajor,
    minor: stat.rdevMinor,
    fileMode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

/** Not the container's to see: its own pts, shm and console, and what lxc and udev keep there. */
const skipped = new Set(["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console"]);

/** Every device node below a directory; symlinks are not followed. What goes meanwhile is passed over: devices do. */
function devicesBelow(directory: string): OciDevice[] {
  try {
    const fd = openAt(AT_FDCWD, fromText(directory), O_RDONLY | O_DIRECTORY);
    try {
      return readDir(fd).flatMap(({ name }) => devicesAt(fd, name, `${directory}/${name}`));
    } finally {
      close(fd);
    }
  } catch (error) {
    if (isSysError(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

function devicesAt(directory: number, name: ByteString, path: string): OciDevice[] {
  const stat = skipped.has(name) ? undefined : statAtIfExists(directory, name);
  if (stat === undefined) return [];
  if ((stat.mode & S_IFMT) === S_IFDIR) return devicesBelow(path);
  const device = toDevice(path, stat);
  return device === undefined ? [] : [device];
}
