/**
 * The context in which a file system is configured before it is mounted (Linux 5.2; fsopen(2), fsconfig(2) and
 * fsmount(2) of man-pages 6.16). mount(2) takes one page of options and no descriptors; here neither is a limit.
 */
import type { ByteString } from "../byte_string.ts";
import { cString } from "./c_string.ts";
import { type CArgument, declareCalls, errno, syscallNumber } from "./libc.ts";
import { attributeBits, type MountAttributes } from "./mount_attributes.ts";
import { SysError } from "./sys_error.ts";

// glibc has functions for these since 2.36 only.
const calls = declareCalls(
  {
    fsopen: ["long", "long", "const char *", "uint32_t"],
    fsconfig: ["long", "long", "int", "uint32_t", "const char *", "const char *", "int"],
    fsmount: ["long", "long", "int", "uint32_t", "uint32_t"],
    read: ["intptr_t", "int", "void *", "size_t"],
  },
  { fsopen: "syscall", fsconfig: "syscall", fsmount: "syscall" },
);

const FSOPEN_CLOEXEC = 1;

/**
 * A context for a new mount of file system `type`, which the caller closes.
 * @throws SysError (ENODEV: this kernel has no such file system; ENOSYS: Linux before 5.2; EPERM)
 */
export function fsopen(type: ByteString): number {
  const fd = calls().fsopen(syscallNumber("fsopen"), cString(type), FSOPEN_CLOEXEC);
  if (fd < 0) throw new SysError(errno(), "fsopen", type);
  return fd;
}

/** linux/mount.h, enum fsconfig_command */
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_SET_FD = 5;
const FSCONFIG_CMD_CREATE = 6;

/** Sets an option that has no value, such as "ro". @throws SysError with the kernel's words */
export function fsconfigFlag(context: number, key: ByteString): void {
  configure(context, FSCONFIG_SET_FLAG, key, null, 0, key);
}

/**
 * Sets `key` to `value`; the device or name to mount is "source".
 * @param value at most 255 bytes: a longer path goes as /proc/self/fd/N ("source", "device" of EROFS) or by
 * {@link fsconfigFd}
 * @throws SysError with the kernel's words (EINVAL: not known to this file system, or too long)
 */
export function fsconfigString(context: number, key: ByteString, value: ByteString): void {
  configure(context, FSCONFIG_SET_STRING, key, cString(value), 0, `${key}=${value}`);
}

/**
 * Sets `key` to an open file, which may be closed afterwards; O_PATH and {@link fsmount} descriptors too.
 * Overlayfs takes its layers so since Linux 6.13 ("lowerdir+", "datadir+", "upperdir", "workdir").
 * @throws SysError with the kernel's words
 */
export function fsconfigFd(context: number, key: ByteString, fd: number): void {
  configure(context, FSCONFIG_SET_FD, key, null, fd, `${key} of a descriptor`);
}

/**
 * Makes the superblock of what was configured; afterwards nothing can be set.
 * @param type for the message of the error only
 * @throws SysError with the kernel's words (ENOTBLK: this type needs a block device; many file systems leave the
 * reason in dmesg)
 */
export function fsconfigCreate(context: number, type: ByteString = ""): void {
  configure(context, FSCONFIG_CMD_CREATE, null, null, 0, type === "" ? "create" : `create ${type}`);
}

function configure(
  context: number,
  command: number,
  key: ByteString | null,
  value: CArgument,
  auxiliary: number,
  subject: ByteString,
): void {
  const name = key === null ? null : cString(key);
  if (calls().fsconfig(syscallNumber("fsconfig"), context, command, name, value, auxiliary) < 0) {
    throw new SysError(errno(), "fsconfig", subject, takeMessages(context));
  }
}

/** The kernel keeps 8 messages for a context and gives one a read: "e text", "w text" or "i text"; ENODATA ends. */
function takeMessages(context: number): ByteString {
  const buffer = Buffer.alloc(4096);
  const messages: ByteString[] = [];
  for (;;) {
    const count = calls().read(context, buffer, buffer.length);
    if (count <= 0) return messages.join("; ");
    const message = buffer.toString("latin1", 0, count);
    messages.push(message.replace(/^[ewi] /, "").trimEnd());
  }
}

const FSMOUNT_CLOEXEC = 1;

/**
 * A mount of a context that {@link fsconfigCreate} has made, in no tree yet: for moveMount, for
 * {@link fsconfigFd}, or as the directory of openAt. Once a context. The caller closes it. @throws SysError
 */
export function fsmount(context: number, attributes: MountAttributes = {}): number {
  const number = syscallNumber("fsmount");
  const fd = calls().fsmount(number, context, FSMOUNT_CLOEXEC, attributeBits(attributes));
  if (fd < 0) throw new SysError(errno(), "fsmount", "", takeMessages(context));
  return fd;
}
