/** Extended attributes of descriptors, and of names without following a final symlink. */
import type { ByteString } from "../byte_string.ts";
import { cString } from "./c_string.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "./constants.ts";
import { declareCalls, errno, syscallNumber } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls(
  {
    fgetxattr: ["intptr_t", "int", "const char *", "void *", "size_t"],
    lgetxattr: ["intptr_t", "const char *", "const char *", "void *", "size_t"],
    fsetxattr: ["int", "int", "const char *", "const void *", "size_t", "int"],
    lsetxattr: ["int", "const char *", "const char *", "const void *", "size_t", "int"],
    flistxattr: ["intptr_t", "int", "void *", "size_t"],
    llistxattr: ["intptr_t", "const char *", "void *", "size_t"],
    fremovexattr: ["int", "int", "const char *"],
    lremovexattr: ["int", "const char *", "const char *"],
    listxattrat: ["long", "long", "long", "const char *", "long", "void *", "size_t"],
  },
  { listxattrat: "syscall" },
);

const ENODATA = 61;
const EOPNOTSUPP = 95;

/** XATTR_SIZE_MAX and XATTR_LIST_MAX are both 64 KiB (linux/limits.h): nothing is ever longer. */
const buffer = Buffer.alloc(64 * 1024);

/** The l*xattr calls take no directory descriptor; /proc/self/fd is the way round (proc_pid_fd(5)). */
function pathOf(dirfd: number, name: ByteString): string | Buffer {
  return cString(dirfd === AT_FDCWD || name.startsWith("/") ? name : `/proc/self/fd/${dirfd}/${name}`);
}

function value(count: number): Uint8Array {
  return new Uint8Array(buffer.subarray(0, count));
}

/** The value, or undefined where the file has no such attribute. @throws SysError */
export function getXattr(fd: number, attribute: ByteString): Uint8Array | undefined {
  const count = calls().fgetxattr(fd, cString(attribute), buffer, buffer.length);
  if (count >= 0) return value(count);
  const code = errno();
  if (code === ENODATA || code === EOPNOTSUPP) return undefined;
  throw new SysError(code, "fgetxattr", attribute);
}

/** The value, or undefined where `name` has no such attribute. @throws SysError */
export function getXattrAt(dirfd: number, name: ByteString, attribute: ByteString): Uint8Array | undefined {
  const path = pathOf(dirfd, name);
  const count = calls().lgetxattr(path, cString(attribute), buffer, buffer.length);
  if (count >= 0) return value(count);
  const code = errno();
  if (code === ENODATA || code === EOPNOTSUPP) return undefined;
  throw new SysError(code, "lgetxattr", `${name} ${attribute}`);
}

/** @param flags XATTR_CREATE or XATTR_REPLACE @throws SysError */
export function setXattr(fd: number, attribute: ByteString, bytes: Uint8Array, flags = 0): void {
  if (calls().fsetxattr(fd, cString(attribute), bytes, bytes.length, flags) < 0) {
    throw new SysError(errno(), "fsetxattr", attribute);
  }
}

/** @param flags XATTR_CREATE or XATTR_REPLACE @throws SysError */
export function setXattrAt(
  dirfd: number,
  name: ByteString,
  attribute: ByteString,
  bytes: Uint8Array,
  flags = 0,
): void {
  const path = pathOf(dirfd, name);
  if (calls().lsetxattr(path, cString(attribute), bytes, bytes.length, flags) < 0) {
    throw new SysError(errno(), "lsetxattr", `${name} ${attribute}`);
  }
}

const none: readonly ByteString[] = [];

function split(count: number): readonly ByteString[] {
  return count === 0 ? none : buffer.toString("latin1", 0, count - 1).split("\0");
}

/** Names of all attributes that this user may see; none where the file system has none. @throws SysError */
export function listXattr(fd: number): readonly ByteString[] {
  const count = calls().flistxattr(fd, buffer, buffer.length);
  if (count >= 0) return split(count);
  const code = errno();
  if (code === EOPNOTSUPP) return none;
  throw new SysError(code, "flistxattr");
}

const EPERM = 1;
const ENOSYS = 38;

/** Linux has it since 6.13, and it takes a third of the time; a filter of system calls may forbid it. */
let hasListAt = true;

/** Names of all attributes of `name` that this user may see. @throws SysError */
export function listXattrAt(dirfd: number, name: ByteString): readonly ByteString[] {
  const count = hasListAt
    ? listAt(dirfd, name)
    : calls().llistxattr(pathOf(dirfd, name), buffer, buffer.length);
  if (count >= 0) return split(count);
  const code = errno();
  if (code === EOPNOTSUPP) return none;
  if (hasListAt && (code === ENOSYS || code === EPERM)) {
    hasListAt = false;
    return listXattrAt(dirfd, name);
  }
  throw new SysError(code, "llistxattr", name);
}

function listAt(dirfd: number, name: ByteString): number {
  const number = syscallNumber("listxattrat");
  return calls().listxattrat(number, dirfd, cString(name), AT_SYMLINK_NOFOLLOW, buffer, buffer.length);
}

/** @throws SysError (ENODATA: there is none) */
export function removeXattr(fd: number, attribute: ByteString): void {
  if (calls().fremovexattr(fd, cString(attribute)) < 0)
    throw new SysError(errno(), "fremovexattr", attribute);
}

/** @throws SysError (ENODATA: there is none) */
export function removeXattrAt(dirfd: number, name: ByteString, attribute: ByteString): void {
  const path = pathOf(dirfd, name);
  if (calls().lremovexattr(path, cString(attribute)) < 0) {
    throw new SysError(errno(), "lremovexattr", `${name} ${attribute}`);
  }
}
