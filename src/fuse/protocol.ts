/**
 * The numbers of the FUSE protocol (include/uapi/linux/fuse.h, version 7.31 and later). All integers are those of
 * the machine, so that a 32-bit view of the message reads and writes them; places are in such words unless said.
 */

export const opcodes = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  setxattr: 21,
  getxattr: 22,
  listxattr: 23,
  removexattr: 24,
  init: 26,
  readdir: 28,
  releasedir: 29,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  fallocate: 43,
  readdirplus: 44,
  rename2: 45,
  lseek: 46,
  copyFileRange: 47,
  tmpfile: 51,
} as const;

/** asm-generic/errno.h: the same on every machine that Node runs on. */
export const errors = {
  ENOENT: 2,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EROFS: 30,
  ERANGE: 34,
  ENOSYS: 38,
  ENODATA: 61,
  EPROTO: 71,
} as const;

/** Of `fuse_init_in` and `fuse_init_out`. */
export const initFlags = {
  /** Several reads of one file at a time: without it readahead waits for itself. */
  asyncRead: 1 << 0,
  readdirplus: 1 << 13,
  /** OPEN may answer ENOSYS: never asked again, and the page cache is kept. */
  noOpen: 1 << 17,
  parallelDirectoryOperations: 1 << 18,
  /** The kernel checks POSIX ACLs, which costs one request for each inode. */
  posixAcl: 1 << 20,
  maxPages: 1 << 22,
  cacheSymlinks: 1 << 23,
  /** As noOpen, for OPENDIR: directories are cached, too. */
  noOpendir: 1 << 24,
} as const;

export const protocolMajor = 7;
/** Linux 5.4. */
export const oldestMinor = 31;
export const newestMinor = 38;

/** `fuse_in_header`, in bytes. */
export const requestHeader = 40;
/** `fuse_out_header`, in bytes. */
export const replyHeader = 16;
/** The first word after them. */
export const requestBody = requestHeader / 4;
export const replyBody = replyHeader / 4;

/** The node that a mount's root is. */
export const rootId = 1;

/** The most bytes that one READ may ask for: 256 pages of 4 KiB are the kernel's own limit (fs.fuse.max_pages_limit). */
export const largestRead = 1024 * 1024;
