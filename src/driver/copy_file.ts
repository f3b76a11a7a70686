/** Copying what one name has: its bytes and its attributes. */
import type { ByteString } from "../byte_string.ts";
import type { ApplyTarget } from "../layer/index.ts";
import * as sys from "../sys/index.ts";

/** One copy of a tree on its way. */
export interface Copying {
  readonly ownership: ApplyTarget["ownership"];
  /** The new tree's root. */
  readonly root: number;
  /** By `dev:ino`, the first path of a file with several. */
  readonly links: Map<string, ByteString>;
}

/** Runs `act`; where only best effort is asked, what is refused (or is an ID that is not mapped: EINVAL) is no error. @returns whether it was done */
export function unlessForbidden(ownership: ApplyTarget["ownership"], act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (ownership === "exact" || !sys.isSysError(error, "EPERM", "EINVAL", "EOPNOTSUPP")) throw error;
    return false;
  }
}

/** Opens a file that its owner has closed to himself, too: the permission is lent for a moment. @throws SysError */
export function openReadable(dirfd: number, name: ByteString, stat: sys.Stat): number {
  const flags = sys.O_RDONLY | sys.O_NOFOLLOW;
  try {
    return sys.openAt(dirfd, name, flags);
  } catch (error) {
    if (!sys.isSysError(error, "EACCES")) throw error;
    sys.chmodAt(dirfd, name, (stat.mode & 0o7777) | 0o400);
    try {
      return sys.openAt(dirfd, name, flags);
    } finally {
      sys.chmodAt(dirfd, name, stat.mode & 0o7777);
    }
  }
}

/**
 * Gives `name` in `target` the owner, attributes, permission and times that `name` has in `source`. In this order:
 * a change of owner takes set-id bits and capabilities away, and everything else changes times.
 */
export function copyAttributes(
  source: number,
  target: number,
  name: ByteString,
  stat: sys.Stat,
  ownership: ApplyTarget["ownership"],
): void {
  unlessForbidden(ownership, () => sys.chownAt(target, name, stat.uid, stat.gid));
  for (const attribute of sys.listXattrAt(source, name)) {
    const bytes = sys.getXattrAt(source, name, attribute);
    if (bytes === undefined) continue;
    unlessForbidden(ownership, () => sys.setXattrAt(target, name, attribute, bytes));
  }
  if ((stat.mode & sys.S_IFMT) !== sys.S_IFLNK) sys.chmodAt(target, name, stat.mode & 0o7777);
  sys.utimensAt(target, name, stat);
}

/** Bytes that are copied between two looks at the clock. */
const chunk = 16 * 1024 * 1024;

/** Copies the first `size` bytes between open files; holes stay holes. Yields after each chunk. @throws SysError */
export function* copyData(from: number, to: number, size: number): Generator<void> {
  let end = 0;
  while (end < size) {
    const start = sys.seek(from, end, sys.SEEK_DATA);
    if (start < 0) break;
    end = Math.min(sys.seek(from, start, sys.SEEK_HOLE), size);
    sys.seek(from, start, sys.SEEK_SET);
    sys.seek(to, start, sys.SEEK_SET);
    for (let left = end - start; left > 0;) {
      const count = copySome(from, to, Math.min(left, chunk));
      if (count === 0) return;
      left -= count;
      yield;
    }
  }
  sys.truncate(to, size);
}

function copySome(from: number, to: number, length: number): number {
  try {
    return sys.copyFileRange(from, to, length);
  } catch (error) {
    // Between file systems, and on some, the kernel cannot: copy_file_range(2).
    if (!sys.isSysError(error, "EXDEV", "EOPNOTSUPP", "EINVAL", "ENOSYS")) throw error;
    const buffer = Buffer.allocUnsafe(Math.min(length, 1 << 20));
    const count = sys.read(from, buffer);
    sys.write(to, buffer, 0, count);
    return count;
  }
}
