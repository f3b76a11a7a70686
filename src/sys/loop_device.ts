/** Files as block devices (loop(4)), for file systems that cannot be mounted from a file itself. */
import { AT_FDCWD, O_RDONLY, O_RDWR } from "./constants.ts";
import { declareCalls, errno } from "./libc.ts";
import { close, openAt } from "./open.ts";
import { isSysError, SysError } from "./sys_error.ts";

const calls = declareCalls({ ioctl: ["int", "int", "unsigned long", "void *"] });

/** linux/loop.h */
const LOOP_CONFIGURE = 0x4c0a;
const LOOP_CTL_GET_FREE = 0x4c82;
const LO_FLAGS_READ_ONLY = 1;
const LO_FLAGS_AUTOCLEAR = 4;

const EBUSY = 16;
/** As many others may take the free device first before something else must be wrong. */
const maximumAttempts = 64;

export interface LoopDevice {
  /** "/dev/loop3" */
  readonly path: string;
  /** Keeps the device until something else does; the caller closes it once the device is mounted. */
  readonly fd: number;
}

/**
 * Makes a read-only block device of the open file, with sectors of 512 bytes: what the file has behind its last
 * whole sector cannot be seen. The device frees itself when its last user leaves, be it a descriptor or a mount;
 * `fileFd` may be closed at once. To mount it takes the option "ro", not only the attribute: EACCES otherwise.
 * @throws SysError (EINVAL: Linux before 5.8; ENOENT: no /dev/loop-control, or no node for the free device, as in
 * a container with a /dev of its own; EACCES, EPERM)
 */
export function attachLoop(fileFd: number): LoopDevice {
  const control = openAt(AT_FDCWD, "/dev/loop-control", O_RDWR);
  try {
    for (let attempt = 1; ; attempt++) {
      const index = calls().ioctl(control, LOOP_CTL_GET_FREE, null);
      if (index < 0) throw new SysError(errno(), "ioctl LOOP_CTL_GET_FREE");
      const device = configureFree(`/dev/loop${index}`, fileFd, attempt === maximumAttempts);
      if (device !== undefined) return device;
    }
  } finally {
    close(control);
  }
}

/** @returns undefined when somebody else was faster, unless this is the `last` attempt */
function configureFree(path: string, fileFd: number, last: boolean): LoopDevice | undefined {
  let fd: number;
  try {
    fd = openAt(AT_FDCWD, path, O_RDONLY);
  } catch (error) {
    // ENXIO: the device was removed since.
    if (!last && isSysError(error, "ENXIO")) return undefined;
    throw error;
  }
  if (calls().ioctl(fd, LOOP_CONFIGURE, configuration(fileFd)) === 0) return { path, fd };
  const code = errno();
  close(fd);
  if (!last && code === EBUSY) return undefined;
  throw new SysError(code, "ioctl LOOP_CONFIGURE", path);
}

/** `struct loop_config { u32 fd, block_size; struct loop_info64 info; u64 reserved[8] }` */
function configuration(fileFd: number): Uint8Array {
  const words = new Uint32Array(304 / 4);
  words[0] = fileFd;
  words[1] = 512;
  // info.lo_flags, at byte 52 of the info
  words[15] = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
  return new Uint8Array(words.buffer);
}
