/** Opening files in directories that somebody else writes to. */
import { fromText, type ByteString } from "../byte_string.ts";
import { AT_FDCWD, O_NOFOLLOW, O_PATH, O_RDONLY, S_IFMT, S_IFREG } from "./constants.ts";
import { close, openAt } from "./open.ts";
import { fstat } from "./stat.ts";

/**
 * A regular file for reading, whatever is put in its place meanwhile: a container may make a FIFO, whose opening waits, or
 * a device, whose opening does something, of what was a file when it was looked at. So it is held by O_PATH first, which
 * touches neither.
 * @param path what symlinks in it mean is `find`'s; by default a symlink at its end is no file
 * @returns undefined for what is no regular file
 * @throws SysError
 */
export function openRegular(
  dirfd: number,
  path: ByteString,
  find: (dirfd: number, path: ByteString, flags: number) => number = withoutLink,
): number | undefined {
  const held = find(dirfd, path, O_PATH);
  try {
    if ((fstat(held).mode & S_IFMT) !== S_IFREG) return undefined;
    return openAt(AT_FDCWD, fromText(`/proc/self/fd/${held}`), O_RDONLY);
  } finally {
    close(held);
  }
}

const withoutLink = (dirfd: number, path: ByteString, flags: number): number =>
  openAt(dirfd, path, flags | O_NOFOLLOW);
