/** Mapped files, for looking at the page cache. */
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
const POSIX_FADV_DONTNEED = 4;

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

/** Asks the kernel to drop the file's clean pages from the page cache (`posix_fadvise(2)`). @throws SysError */
export function dropPages(fd: number): void {
  // The one call that returns its error instead of setting errno.
  const code = calls().posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  if (code !== 0) throw new SysError(code, "posix_fadvise");
}
