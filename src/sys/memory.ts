/** The page cache: mapped files for looking at it, and advice on it. */
import { POSIX_FADV_DONTNEED } from "./constants.ts";
import { declareCalls, errno, koffi } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls({
  mmap: ["intptr_t", "void *", "size_t", "int", "int", "int", "int64_t"],
  munmap: ["int", "intptr_t", "size_t"],
  mincore: ["int", "intptr_t", "size_t", "void *"],
  getpagesize: ["int"],
  posix_fadvise: ["int", "int", "int64_t", "int64_t", "int"],
});

const PROT_READ = 1;
const MAP_SHARED = 1;

/** A stretch of a file in memory, from the file's start on. */
export interface MappedFile extends Disposable {
  /** The pages themselves: valid until disposal, which makes any access to it crash the process. */
  readonly bytes: Uint8Array;
  /** How many of its pages are in the page cache, by `mincore(2)`, which tells only owners and writers. */
  residentPages(): number;
}

/** Bytes in a page of this machine: 4096, or up to 64 KiB on arm64. */
export function pageSize(): number {
  return calls().getpagesize();
}

/** Maps the first `length` bytes of the open file for reading. @throws SysError */
export function mapFile(fd: number, length: number): MappedFile {
  const address = calls().mmap(null, length, PROT_READ, MAP_SHARED, fd, 0);
  if (address === -1) throw new SysError(errno(), "mmap");
  const bytes = new Uint8Array(koffi().view(BigInt(address), length));
  return {
    bytes,
    residentPages: () => {
      const pages = new Uint8Array(Math.ceil(length / pageSize()));
      if (calls().mincore(address, length, pages) < 0) throw new SysError(errno(), "mincore");
      return pages.reduce((sum, page) => sum + (page & 1), 0);
    },
    [Symbol.dispose]: () => {
      if (calls().munmap(address, length) < 0) throw new SysError(errno(), "munmap");
    },
  };
}

/**
 * `posix_fadvise(2)` for a part of the file. POSIX_FADV_WILLNEED starts reading it in and does not wait (some
 * 128 KiB to a few MiB at a time, by the disk's read-ahead); POSIX_FADV_DONTNEED drops clean pages.
 * @param advice POSIX_FADV_* @param length 0: to the end @throws SysError (ESPIPE: a pipe)
 */
export function fadvise(fd: number, advice: number, offset = 0, length = 0): void {
  // The one call that returns its error instead of setting errno.
  const code = calls().posix_fadvise(fd, offset, length, advice);
  if (code !== 0) throw new SysError(code, "posix_fadvise");
}

/** Asks the kernel to drop the file's clean pages from the page cache. @throws SysError */
export function dropPages(fd: number): void {
  fadvise(fd, POSIX_FADV_DONTNEED);
}
