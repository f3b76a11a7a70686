/** Making, linking, renaming and removing names, relative to a directory's descriptor (or AT_FDCWD). */
import type { ByteString } from "../byte_string.ts";
import { cString } from "./c_string.ts";
import { declareCalls, errno, syscallNumber } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls(
  {
    mkdirat: ["int", "int", "const char *", "uint32_t"],
    symlinkat: ["int", "const char *", "int", "const char *"],
    linkat: ["int", "int", "const char *", "int", "const char *", "int"],
    mknodat: ["long", "long", "long", "const char *", "long", "long"],
    unlinkat: ["int", "int", "const char *", "int"],
    renameat: ["int", "int", "const char *", "int", "const char *"],
    renameat2: ["int", "int", "const char *", "int", "const char *", "uint32_t"],
    readlinkat: ["intptr_t", "int", "const char *", "void *", "size_t"],
  },
  { mknodat: "syscall" },
);

/** `mkdirat(2)`; `mode` is lessened by the umask. @throws SysError */
export function mkdirAt(dirfd: number, name: ByteString, mode: number): void {
  if (calls().mkdirat(dirfd, cString(name), mode) < 0) throw new SysError(errno(), "mkdir", name);
}

/** Makes the symlink `name` that says `target`. @throws SysError */
export function symlinkAt(target: ByteString, dirfd: number, name: ByteString): void {
  const [to, at] = [cString(target), cString(name)];
  if (calls().symlinkat(to, dirfd, at) < 0) throw new SysError(errno(), "symlink", name);
}

/** `linkat(2)`; a symlink `oldName` is itself linked unless flags has AT_SYMLINK_FOLLOW. @throws SysError */
export function linkAt(
  oldDirfd: number,
  oldName: ByteString,
  newDirfd: number,
  newName: ByteString,
  flags = 0,
): void {
  const [from, to] = [cString(oldName), cString(newName)];
  if (calls().linkat(oldDirfd, from, newDirfd, to, flags) < 0) {
    throw new SysError(errno(), "link", `${oldName} ${newName}`);
  }
}

/** The kernel's "huge" dev_t encoding: 12 bits of major, 20 of minor (include/linux/kdev_t.h, new_encode_dev). */
function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** `mknodat(2)`; `mode` holds the kind (S_IFCHR...) and the permission, which the umask lessens. @throws SysError */
export function mknodAt(dirfd: number, name: ByteString, mode: number, major = 0, minor = 0): void {
  const device = encodeDevice(major, minor);
  if (calls().mknodat(syscallNumber("mknodat"), dirfd, cString(name), mode, device) < 0) {
    throw new SysError(errno(), "mknod", name);
  }
}

/** `unlinkat(2)`; AT_REMOVEDIR for directories. @throws SysError */
export function unlinkAt(dirfd: number, name: ByteString, flags = 0): void {
  if (calls().unlinkat(dirfd, cString(name), flags) < 0) throw new SysError(errno(), "unlink", name);
}

/** `renameat(2)`, or `renameat2(2)` with RENAME_NOREPLACE or RENAME_EXCHANGE. @throws SysError */
export function renameAt(
  oldDirfd: number,
  oldName: ByteString,
  newDirfd: number,
  newName: ByteString,
  flags = 0,
): void {
  const [from, to] = [cString(oldName), cString(newName)];
  const result =
    flags === 0
      ? calls().renameat(oldDirfd, from, newDirfd, to)
      : calls().renameat2(oldDirfd, from, newDirfd, to, flags);
  if (result < 0) throw new SysError(errno(), "rename", `${oldName} ${newName}`);
}

// One byte over PATH_MAX, so that a full buffer proves truncation.
const linkBuffer = Buffer.alloc(4097);

/** What the symlink says, verbatim. @throws SysError (EINVAL: not a symlink) */
export function readlinkAt(dirfd: number, name: ByteString): ByteString {
  const count = calls().readlinkat(dirfd, cString(name), linkBuffer, linkBuffer.length);
  if (count < 0) throw new SysError(errno(), "readlink", name);
  return linkBuffer.toString("latin1", 0, count);
}
