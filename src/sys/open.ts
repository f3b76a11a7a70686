/** Opening and closing. Descriptors are always close-on-exec. */
import type { ByteString } from "../byte_string.ts";
import { cString } from "./c_string.ts";
import { O_CLOEXEC, O_CREAT, O_TMPFILE } from "./constants.ts";
import { declareCalls, errno, syscallNumber } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls(
  {
    openat: ["int", "int", "const char *", "int", "uint32_t"],
    close: ["int", "int"],
    openat2: ["long", "long", "long", "const char *", "void *", "size_t"],
    fcntl: ["int", "int", "int", "long"],
  },
  { openat2: "syscall" },
);

const EINTR = 4;
const EAGAIN = 11;

/** `openat(2)`. @param flags O_* @param mode for O_CREAT, lessened by the umask @throws SysError */
export function openAt(dirfd: number, path: ByteString, flags: number, mode = 0): number {
  const fd = calls().openat(dirfd, cString(path), flags | O_CLOEXEC, mode);
  if (fd < 0) throw new SysError(errno(), "open", path);
  return fd;
}

/** linux/openat2.h */
export const RESOLVE_NO_XDEV = 1;
export const RESOLVE_NO_MAGICLINKS = 2;
export const RESOLVE_NO_SYMLINKS = 4;
export const RESOLVE_BENEATH = 8;
export const RESOLVE_IN_ROOT = 16;

/** `struct open_how { u64 flags, mode, resolve }`, filled again for each call: the kernel reads it at once. */
const how = new Uint32Array(6);
const howBytes = new Uint8Array(how.buffer);

/** `openat2(2)` with `resolve` of RESOLVE_*. @throws SysError */
export function openResolving(
  dirfd: number,
  path: ByteString,
  flags: number,
  mode: number,
  resolve: number,
): number {
  how[0] = flags | O_CLOEXEC;
  // Unlike openat(2), openat2(2) refuses a mode where nothing is created.
  how[2] = (flags & O_CREAT) !== 0 || (flags & O_TMPFILE) === O_TMPFILE ? mode : 0;
  how[4] = resolve;
  const argument = cString(path);
  for (;;) {
    const fd = calls().openat2(syscallNumber("openat2"), dirfd, argument, howBytes, 24);
    if (fd >= 0) return fd;
    const code = errno();
    // EAGAIN: something was renamed on the way, so that ".." cannot be judged; openat2(2) says to try again.
    if (code !== EINTR && code !== EAGAIN) throw new SysError(code, "open", path);
  }
}

/**
 * Opens `path` as a process that has chrooted to `rootFd` would: absolute paths, symlinks and ".." stay inside
 * (openat2(2), RESOLVE_IN_ROOT). Magic links of /proc are not followed.
 * @throws SysError
 */
export function openIn(rootFd: number, path: ByteString, flags: number, mode = 0): number {
  return openResolving(rootFd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/**
 * Opens `path` below `dirfd` with no symlink anywhere in it; leaving the directory is EXDEV, a symlink ELOOP.
 * @throws SysError
 */
export function openBeneath(dirfd: number, path: ByteString, flags: number, mode = 0): number {
  return openResolving(dirfd, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/** `close(2)`. The descriptor is gone even when an error is thrown. @throws SysError */
export function close(fd: number): void {
  if (calls().close(fd) < 0) {
    const code = errno();
    // Linux has released the descriptor by then: trying again could close somebody else's.
    if (code !== EINTR) throw new SysError(code, "close");
  }
}

const F_DUPFD_CLOEXEC = 1030;

/** A second descriptor of the same open file. @throws SysError */
export function duplicate(fd: number): number {
  const copy = calls().fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw new SysError(errno(), "fcntl");
  return copy;
}

const F_SETFD = 2;

/** Hands the descriptor on to a program that replaces this one. @throws SysError */
export function keepOnExec(fd: number): void {
  if (calls().fcntl(fd, F_SETFD, 0) < 0) throw new SysError(errno(), "fcntl");
}
