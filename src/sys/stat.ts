/** What the kernel knows of a file. */
import type { ByteString } from "../byte_string.ts";
import { cString } from "./c_string.ts";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from "./constants.ts";
import { declareCalls, errno } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls({
  statx: ["int", "int", "const char *", "int", "uint32_t", "void *"],
  statfs: ["int", "const char *", "void *"],
});

/** Times are whole seconds since 1970 (may be negative) and nanoseconds to add. */
export interface Stat {
  /** `st_dev`, as fs.statSync gives it. */
  readonly dev: number;
  /** A bigint only where a number would not be exact (overlay with xino, FUSE). Good as part of a key. */
  readonly ino: number | bigint;
  /** Kind and permission. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  /** Bytes. */
  readonly size: number;
  /** Of 512 bytes. */
  readonly blocks: number;
  readonly atime: number;
  readonly atimeNs: number;
  readonly mtime: number;
  readonly mtimeNs: number;
  readonly ctime: number;
  readonly ctimeNs: number;
}

const STATX_BASIC_STATS = 0x7ff;

/** `struct statx` (linux/stat.h), read as 32-bit words: word n is at byte 4n. */
const words = new Uint32Array(64);
const bytes = new Uint8Array(words.buffer);
const word = (index: number): number => words[index] as number;
const wide = (index: number): number => word(index + 1) * 0x1_0000_0000 + word(index);
const seconds = (index: number): number => (word(index + 1) | 0) * 0x1_0000_0000 + word(index);

function inode(): number | bigint {
  const value = wide(8);
  return value <= Number.MAX_SAFE_INTEGER ? value : (BigInt(word(9)) << 32n) | BigInt(word(8));
}

function deviceNumber(major: number, minor: number): number {
  return (minor & ~0xff) * 4096 + (major & 0xfff) * 256 + (minor & 0xff);
}

function decode(): Stat {
  return {
    dev: deviceNumber(word(34), word(35)),
    ino: inode(),
    mode: word(7) & 0xffff,
    nlink: word(4),
    uid: word(5),
    gid: word(6),
    rdevMajor: word(32),
    rdevMinor: word(33),
    size: wide(10),
    blocks: wide(12),
    atime: seconds(16),
    atimeNs: word(18),
    mtime: seconds(28),
    mtimeNs: word(30),
    ctime: seconds(24),
    ctimeNs: word(26),
  };
}

/** `statx(2)` of `name`; a final symlink is followed only on demand. @throws SysError */
export function statAt(dirfd: number, name: ByteString, follow = false): Stat {
  const flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
  if (calls().statx(dirfd, cString(name), flags, STATX_BASIC_STATS, bytes) < 0) {
    throw new SysError(errno(), "stat", name);
  }
  return decode();
}

const ENOENT = 2;
const ENOTDIR = 20;

/** {@link statAt}, or undefined where there is no such name. @throws SysError */
export function statAtIfExists(dirfd: number, name: ByteString, follow = false): Stat | undefined {
  const flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
  if (calls().statx(dirfd, cString(name), flags, STATX_BASIC_STATS, bytes) === 0) return decode();
  const code = errno();
  if (code === ENOENT || code === ENOTDIR) return undefined;
  throw new SysError(code, "stat", name);
}

/** `statx(2)` of an open file, O_PATH too. @throws SysError */
export function fstat(fd: number): Stat {
  if (calls().statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, bytes) < 0)
    throw new SysError(errno(), "fstat");
  return decode();
}

/** What an address in memory and a position in the file must be multiples of for O_DIRECT. */
export interface DirectIoAlignment {
  readonly memory: number;
  readonly offset: number;
}

const STATX_DIOALIGN = 0x2000;

/**
 * The alignment for O_DIRECT on the open file, which need not be opened with it.
 * @returns undefined where direct I/O is not possible or the kernel does not tell (Linux before 6.1, most file
 * systems but ext4, XFS, F2FS and, later, btrfs) @throws SysError
 */
export function directIoAlignment(fd: number): DirectIoAlignment | undefined {
  if (calls().statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, bytes) < 0) throw new SysError(errno(), "statx");
  const [memory, offset] = [word(38), word(39)];
  return (word(0) & STATX_DIOALIGN) === 0 || memory === 0 || offset === 0 ? undefined : { memory, offset };
}

export interface FileSystemStat {
  /** Magic number (linux/magic.h), such as 0x794c7630 for overlayfs. */
  readonly type: number;
  /** Bytes in all, free, and free for ordinary users. */
  readonly size: number;
  readonly free: number;
  readonly available: number;
  readonly files: number;
  readonly filesFree: number;
}

export const OVERLAYFS_MAGIC = 0x794c7630;

const fsWords = new Uint32Array(30);
const fsBytes = new Uint8Array(fsWords.buffer);

/** `statfs(2)`. @throws SysError */
export function statfs(path: ByteString): FileSystemStat {
  if (calls().statfs(cString(path), fsBytes) < 0) throw new SysError(errno(), "statfs", path);
  const at = (index: number): number =>
    (fsWords[index + 1] as number) * 0x1_0000_0000 + (fsWords[index] as number);
  const block = at(2);
  return {
    type: fsWords[0] as number,
    size: at(4) * block,
    free: at(6) * block,
    available: at(8) * block,
    files: at(10),
    filesFree: at(12),
  };
}
