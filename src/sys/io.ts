/** Moving bytes. Positions and lengths are in bytes. */
import { declareCalls, errno } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls({
  read: ["intptr_t", "int", "void *", "size_t"],
  pread: ["intptr_t", "int", "void *", "size_t", "int64_t"],
  write: ["intptr_t", "int", "const void *", "size_t"],
  pwrite: ["intptr_t", "int", "const void *", "size_t", "int64_t"],
  lseek: ["int64_t", "int", "int64_t", "int"],
  ftruncate: ["int", "int", "int64_t"],
  fallocate: ["int", "int", "int", "int64_t", "int64_t"],
  copy_file_range: ["intptr_t", "int", "void *", "int", "void *", "size_t", "uint32_t"],
  fsync: ["int", "int"],
  fdatasync: ["int", "int"],
  syncfs: ["int", "int"],
});

const EINTR = 4;
const ENXIO = 6;

function part(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  return offset === 0 ? bytes : bytes.subarray(offset, offset + length);
}

/** `read(2)` into `buffer`. @returns bytes read, 0 at the end @throws SysError */
export function read(fd: number, buffer: Uint8Array, offset = 0, length = buffer.length - offset): number {
  const target = part(buffer, offset, length);
  for (;;) {
    const count = calls().read(fd, target, length);
    if (count >= 0) return count;
    const code = errno();
    if (code !== EINTR) throw new SysError(code, "read");
  }
}

/** `pread(2)` of up to `buffer.length` bytes at `position`. @returns bytes read, 0 at the end @throws SysError */
export function pread(fd: number, buffer: Uint8Array, position: number): number {
  for (;;) {
    const count = calls().pread(fd, buffer, buffer.length, position);
    if (count >= 0) return count;
    const code = errno();
    if (code !== EINTR) throw new SysError(code, "pread");
  }
}

/** Writes all of `buffer[offset, offset + length)`, in as many `write(2)` calls as it takes. @throws SysError */
export function write(fd: number, buffer: Uint8Array, offset = 0, length = buffer.length - offset): void {
  let done = 0;
  while (done < length) {
    const count = calls().write(fd, part(buffer, offset + done, length - done), length - done);
    if (count >= 0) done += count;
    else {
      const code = errno();
      if (code !== EINTR) throw new SysError(code, "write");
    }
  }
}

/** Writes all of `buffer` at `position`; the file's own position stays. @throws SysError */
export function pwrite(fd: number, buffer: Uint8Array, position: number): void {
  let done = 0;
  while (done < buffer.length) {
    const left = buffer.length - done;
    const count = calls().pwrite(fd, part(buffer, done, left), left, position + done);
    if (count >= 0) done += count;
    else {
      const code = errno();
      if (code !== EINTR) throw new SysError(code, "pwrite");
    }
  }
}

/**
 * `lseek(2)`.
 * @returns the new position; -1 where SEEK_DATA or SEEK_HOLE find nothing more (ENXIO) @throws SysError
 */
export function seek(fd: number, offset: number, whence: number): number {
  const position = calls().lseek(fd, offset, whence);
  if (position >= 0) return position;
  const code = errno();
  if (code === ENXIO) return -1;
  throw new SysError(code, "lseek");
}

/** `ftruncate(2)` to `length` bytes; longer than the file makes a hole. @throws SysError */
export function truncate(fd: number, length: number): void {
  if (calls().ftruncate(fd, length) < 0) throw new SysError(errno(), "ftruncate");
}

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

/**
 * Gives the blocks within a part of the file back and makes it read as zeros (`fallocate(2)`); the size stays.
 * Blocks that lie in it by half are zeroed only.
 * @throws SysError (EOPNOTSUPP: not with this file system)
 */
export function punchHole(fd: number, offset: number, length: number): void {
  while (calls().fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) < 0) {
    const code = errno();
    if (code !== EINTR) throw new SysError(code, "fallocate");
  }
}

/**
 * `copy_file_range(2)` from and to the files' own positions.
 * @returns bytes copied, 0 at the end of the source @throws SysError (EXDEV, EOPNOTSUPP, EINVAL: copy by hand)
 */
export function copyFileRange(from: number, to: number, length: number): number {
  for (;;) {
    const count = calls().copy_file_range(from, null, to, null, length, 0);
    if (count >= 0) return count;
    const code = errno();
    if (code !== EINTR) throw new SysError(code, "copy_file_range");
  }
}

/** `fsync(2)`. @throws SysError */
export function fsync(fd: number): void {
  if (calls().fsync(fd) < 0) throw new SysError(errno(), "fsync");
}

/** `fdatasync(2)`. @throws SysError */
export function fdatasync(fd: number): void {
  if (calls().fdatasync(fd) < 0) throw new SysError(errno(), "fdatasync");
}

/** Writes back all of the file system that holds `fd` (`syncfs(2)`). @throws SysError */
export function syncfs(fd: number): void {
  if (calls().syncfs(fd) < 0) throw new SysError(errno(), "syncfs");
}

/** {@link syncfs} in the thread pool: it may take seconds. The descriptor must stay open until then. @throws SysError */
export function syncfsInPool(fd: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const call = calls().syncfs as unknown as { async(fd: number, done: AsyncResult): void };
  call.async(fd, (error, result) => {
    // koffi keeps the errno of the pool's thread for this callback.
    const code = errno();
    if (error !== null) reject(error);
    else if (result < 0) reject(new SysError(code, "syncfs"));
    else resolve();
  });
  return promise;
}

type AsyncResult = (error: Error | null, result: number) => void;
