/** Mounting a FUSE file system: fuse.rst, "Mount options" (Documentation/filesystems of the kernel). */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import * as sys from "../sys/index.ts";
import { largestRead } from "./protocol.ts";

export interface MountFuseOptions {
  /** Lets others than the user who mounts look in. A container of several users needs it. */
  readonly allowOther?: boolean;
  /** `/dev/fuse` by default. */
  readonly device?: ByteString;
}

/**
 * Mounts read-only at the directory `path`: without devices and set-ID programs, which an overlay on top has again.
 * Every access waits until somebody serves the descriptor.
 *
 * Needs root of the machine or of a user namespace, and the device must be opened in the same namespace (the kernel
 * refuses a descriptor from outside): so this does both.
 * @returns the descriptor to serve; closing it cuts the connection
 * @throws Failure("unsupported") if there is no FUSE; SysError
 */
export function mountFuse(path: ByteString, options: MountFuseOptions = {}): number {
  const fuse = openDevice(options.device ?? "/dev/fuse");
  const data = [
    `fd=${fuse}`,
    "rootmode=40000",
    ...userOptions(),
    "default_permissions",
    `max_read=${largestRead}`,
  ];
  if (options.allowOther === true) data.push("allow_other");
  try {
    const flags = sys.MS_RDONLY | sys.MS_NOSUID | sys.MS_NODEV;
    sys.mount("varve", path, "fuse.varve", flags, data.join(","));
  } catch (error) {
    sys.close(fuse);
    throw error;
  }
  return fuse;
}

function userOptions(): string[] {
  return [`user_id=${sys.geteuid()}`, `group_id=${process.getegid?.() ?? 0}`];
}

function openDevice(device: ByteString): number {
  try {
    return sys.openAt(sys.AT_FDCWD, device, sys.O_RDWR);
  } catch (cause) {
    if (!sys.isSysError(cause, "ENOENT", "ENODEV", "ENXIO")) throw cause;
    throw new Failure("unsupported", `cannot mount: this system has no FUSE (${device})`, {
      hint: "Load the kernel module: modprobe fuse",
      cause,
    });
  }
}
