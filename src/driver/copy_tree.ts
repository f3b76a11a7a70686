/** A full copy of a directory, for drivers that have nothing better. */
import type { ByteString } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import { type Copying, copyAttributes, copyData, openReadable, unlessForbidden } from "./copy_file.ts";

/**
 * Copies all that is in the directory `from` into the existing, empty directory `to`, and gives `to` the attributes
 * of `from`: kinds, owners, permission, times to the nanosecond, extended attributes, holes, hard links.
 * The event loop turns in between.
 * @param ownership `best-effort` leaves out what an ordinary user may not do (owners, devices, some attributes)
 * @throws SysError; `to` then holds a part
 */
export async function copyTree(
  from: ByteString,
  to: ByteString,
  ownership: Copying["ownership"],
): Promise<void> {
  const flags = sys.O_RDONLY | sys.O_DIRECTORY;
  const source = sys.openAt(sys.AT_FDCWD, from, flags);
  const root = sys.openAt(sys.AT_FDCWD, to, flags);
  try {
    await sys.runInSlices(copyChildren(source, root, "", { ownership, root, links: new Map() }));
    copyAttributes(source, root, ".", sys.fstat(source), ownership);
  } finally {
    sys.close(source);
    sys.close(root);
  }
}

/** @param path of both directories, from the root, with a final slash, or "" */
function* copyChildren(source: number, target: number, path: ByteString, copying: Copying): Generator<void> {
  for (const { name } of sys.readDir(source)) {
    const stat = sys.statAt(source, name);
    if (!linkAgain(target, name, stat, path, copying)) {
      yield* copyEntry(source, target, name, stat, `${path}${name}/`, copying);
    }
    yield;
  }
}

/** Makes `name` a further name of a file that was copied already. @returns whether it was */
function linkAgain(
  target: number,
  name: ByteString,
  stat: sys.Stat,
  path: ByteString,
  copying: Copying,
): boolean {
  if (stat.nlink < 2 || (stat.mode & sys.S_IFMT) === sys.S_IFDIR) return false;
  const key = `${stat.dev}:${stat.ino}`;
  const first = copying.links.get(key);
  if (first === undefined) {
    copying.links.set(key, path + name);
    return false;
  }
  try {
    sys.linkAt(copying.root, first, target, name);
  } catch (error) {
    // The first name was left out: so is this one.
    if (copying.ownership === "exact" || !sys.isSysError(error, "ENOENT")) throw error;
  }
  return true;
}

function* copyEntry(
  source: number,
  target: number,
  name: ByteString,
  stat: sys.Stat,
  below: ByteString,
  copying: Copying,
): Generator<void> {
  const kind = stat.mode & sys.S_IFMT;
  switch (kind) {
    case sys.S_IFDIR:
      yield* copyDirectory(source, target, name, stat, below, copying);
      break;
    case sys.S_IFREG:
      yield* copyFile(source, target, name, stat);
      break;
    case sys.S_IFLNK:
      sys.symlinkAt(sys.readlinkAt(source, name), target, name);
      break;
    default: {
      const make = (): void => sys.mknodAt(target, name, kind | 0o600, stat.rdevMajor, stat.rdevMinor);
      if (!unlessForbidden(copying.ownership, make)) return;
    }
  }
  copyAttributes(source, target, name, stat, copying.ownership);
}

function* copyDirectory(
  source: number,
  target: number,
  name: ByteString,
  stat: sys.Stat,
  below: ByteString,
  copying: Copying,
): Generator<void> {
  const flags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW;
  // Root may enter every directory, an owner only the ones that he left open to himself.
  const closed = copying.ownership === "best-effort" && (stat.mode & 0o500) !== 0o500;
  if (closed) sys.chmodAt(source, name, (stat.mode & 0o7777) | 0o500);
  const from = sys.openAt(source, name, flags);
  try {
    sys.mkdirAt(target, name, 0o700);
    const to = sys.openAt(target, name, flags);
    try {
      yield* copyChildren(from, to, below, copying);
    } finally {
      sys.close(to);
    }
  } finally {
    sys.close(from);
    if (closed) sys.chmodAt(source, name, stat.mode & 0o7777);
  }
}

function* copyFile(source: number, target: number, name: ByteString, stat: sys.Stat): Generator<void> {
  const from = openReadable(source, name, stat);
  try {
    const to = sys.openAt(target, name, sys.O_WRONLY | sys.O_CREAT | sys.O_EXCL | sys.O_NOFOLLOW, 0o600);
    try {
      yield* copyData(from, to, stat.size);
    } finally {
      sys.close(to);
    }
  } finally {
    sys.close(from);
  }
}
