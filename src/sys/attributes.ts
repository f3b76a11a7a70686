/** Owner, permission, times: of names (never through a final symlink) and of descriptors. */
import type { ByteString } from "../byte_string.ts";
import { cString } from "./c_string.ts";
import { AT_SYMLINK_NOFOLLOW } from "./constants.ts";
import { declareCalls, errno, syscallNumber } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls(
  {
    fchown: ["int", "int", "uint32_t", "uint32_t"],
    fchownat: ["int", "int", "const char *", "uint32_t", "uint32_t", "int"],
    fchmod: ["int", "int", "uint32_t"],
    fchmodat: ["int", "int", "const char *", "uint32_t", "int"],
    fchmodat2: ["long", "long", "long", "const char *", "long", "long"],
    utimensat: ["int", "int", "const char *", "const void *", "int"],
    futimens: ["int", "int", "const void *"],
    umask: ["uint32_t", "uint32_t"],
    geteuid: ["uint32_t"],
  },
  { fchmodat2: "syscall" },
);

const ENOSYS = 38;

/** `fchown(2)`. @throws SysError */
export function fchown(fd: number, uid: number, gid: number): void {
  if (calls().fchown(fd, uid, gid) < 0) throw new SysError(errno(), "fchown");
}

/** Changes the owner of `name` itself. @throws SysError */
export function chownAt(dirfd: number, name: ByteString, uid: number, gid: number): void {
  if (calls().fchownat(dirfd, cString(name), uid, gid, AT_SYMLINK_NOFOLLOW) < 0) {
    throw new SysError(errno(), "chown", name);
  }
}

/** `fchmod(2)`. @throws SysError */
export function fchmod(fd: number, mode: number): void {
  if (calls().fchmod(fd, mode) < 0) throw new SysError(errno(), "fchmod");
}

let hasFchmodat2 = true;

/** Changes the permission of `name` itself; a symlink is EOPNOTSUPP. @throws SysError */
export function chmodAt(dirfd: number, name: ByteString, mode: number): void {
  const path = cString(name);
  if (hasFchmodat2) {
    // One call since Linux 6.6; before that glibc goes through /proc/self/fd, five calls.
    const number = syscallNumber("fchmodat2");
    if (calls().fchmodat2(number, dirfd, path, mode, AT_SYMLINK_NOFOLLOW) === 0) return;
    const code = errno();
    if (code !== ENOSYS) throw new SysError(code, "chmod", name);
    hasFchmodat2 = false;
  }
  if (calls().fchmodat(dirfd, path, mode, AT_SYMLINK_NOFOLLOW) < 0)
    throw new SysError(errno(), "chmod", name);
}

/**
 * Whole seconds since 1970, may be negative, and nanoseconds 0..999999999 (or UTIME_NOW, UTIME_OMIT).
 * Without `atime` the access time becomes the modification time. A `TarEntry` is one of these.
 */
export interface FileTimes {
  readonly atime?: number | undefined;
  readonly atimeNs?: number | undefined;
  readonly mtime: number;
  readonly mtimeNs: number;
}

/** `struct timespec[2]` as 32-bit halves: a BigInt for each time of each file would be garbage. */
const timespecs = new Uint32Array(8);
const timespecBytes = new Uint8Array(timespecs.buffer);

function fill(times: FileTimes): void {
  const { mtime, mtimeNs } = times;
  const atime = times.atime ?? mtime;
  timespecs[0] = atime;
  timespecs[1] = Math.floor(atime / 0x1_0000_0000);
  timespecs[2] = times.atime === undefined ? (times.atimeNs ?? mtimeNs) : (times.atimeNs ?? 0);
  timespecs[4] = mtime;
  timespecs[5] = Math.floor(mtime / 0x1_0000_0000);
  timespecs[6] = mtimeNs;
}

/** Sets the times of `name` itself. @throws SysError */
export function utimensAt(dirfd: number, name: ByteString, times: FileTimes): void {
  fill(times);
  if (calls().utimensat(dirfd, cString(name), timespecBytes, AT_SYMLINK_NOFOLLOW) < 0) {
    throw new SysError(errno(), "utimensat", name);
  }
}

/** `futimens(3)`. @throws SysError */
export function futimens(fd: number, times: FileTimes): void {
  fill(times);
  if (calls().futimens(fd, timespecBytes) < 0) throw new SysError(errno(), "futimens");
}

/** Sets the umask of the whole process, all threads. @returns the one before */
export function umask(mask: number): number {
  return calls().umask(mask);
}

/** The effective user: 0 is root. */
export function geteuid(): number {
  return calls().geteuid();
}
