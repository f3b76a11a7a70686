/** Removing a directory and all below it. */
import type { ByteString } from "../byte_string.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "./constants.ts";
import { chmodAt, fchmod } from "./attributes.ts";
import { renameAt, unlinkAt } from "./names.ts";
import {
  close,
  openAt,
  openResolving,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "./open.ts";
import { type DirEntry, readDir } from "./read_dir.ts";
import { runInSlices } from "./run_in_slices.ts";
import { isSysError } from "./sys_error.ts";

/** Deeper directories are first moved up, so that a hostile depth costs neither descriptors nor stack. */
const maximumDepth = 100;

/** What one removal carries along: the descriptor of the tree's root and a counter for moved directories. */
interface Removal {
  readonly rootFd: number;
  moved: number;
}

/**
 * Removes `path`, whatever it is, and everything below it. Symlinks are removed, never followed; a mount point
 * inside is not entered and ends the removal with EXDEV. A missing `path` is no error. Directories that an
 * ordinary user has closed to himself are opened up first.
 * @throws SysError
 */
export function removeTree(path: ByteString): void {
  for (const _ of removeSteps(AT_FDCWD, path));
}

/** {@link removeTree} of one name in an open directory. @throws SysError */
export function removeTreeAt(dirfd: number, name: ByteString): void {
  for (const _ of removeSteps(dirfd, name));
}

/**
 * {@link removeTree} that lets the event loop turn in between.
 * @param slice how long the loop may stand still, in milliseconds @throws SysError
 */
export async function removeTreeInSlices(path: ByteString, slice = 10): Promise<void> {
  await runInSlices(removeSteps(AT_FDCWD, path), { slice });
}

/** Removes `name`; yields after each directory and each few hundred names. */
function* removeSteps(dirfd: number, name: ByteString): Generator<void> {
  try {
    unlinkAt(dirfd, name);
    return;
  } catch (error) {
    if (isSysError(error, "ENOENT")) return;
    // unlink(2) of a directory is EISDIR on Linux, EPERM by POSIX.
    if (!isSysError(error, "EISDIR", "EPERM")) throw error;
  }
  const open = (): number => openAt(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const rootFd = openForListing(dirfd, name, open);
  try {
    yield* empty(rootFd, { rootFd, moved: 0 }, 0);
  } finally {
    close(rootFd);
  }
  unlinkAt(dirfd, name, AT_REMOVEDIR);
}

/** Opens up what the owner may not read: rm(1) would give up on it. */
function openForListing(dirfd: number, name: ByteString, open: () => number): number {
  try {
    return open();
  } catch (error) {
    if (!isSysError(error, "EACCES")) throw error;
    chmodAt(dirfd, name, 0o700);
    return open();
  }
}

function* empty(fd: number, removal: Removal, depth: number): Generator<void> {
  for (let entries = readDir(fd); entries.length > 0; entries = readDir(fd)) {
    for (const [index, entry] of entries.entries()) {
      if (!removeIfNoDirectory(fd, entry)) yield* removeDirectory(fd, entry.name, removal, depth);
      if (index % 256 === 255) yield;
    }
    // Entries that were moved up to the root appear in its next listing; below it one pass is all.
    if (depth > 0) return;
  }
}

/** @returns whether it is gone */
function removeIfNoDirectory(fd: number, entry: DirEntry): boolean {
  if (entry.type === "directory") return false;
  try {
    retryWritable(fd, () => unlinkAt(fd, entry.name));
    return true;
  } catch (error) {
    if (entry.type === "unknown" && isSysError(error, "EISDIR", "EPERM")) return false;
    throw error;
  }
}

function* removeDirectory(fd: number, name: ByteString, removal: Removal, depth: number): Generator<void> {
  if (depth >= maximumDepth) {
    renameAt(fd, name, removal.rootFd, `.removing-${process.pid}-${removal.moved++}`);
    return;
  }
  const child = openForListing(fd, name, () => openChild(fd, name));
  try {
    yield* empty(child, removal, depth + 1);
  } finally {
    close(child);
  }
  retryWritable(fd, () => unlinkAt(fd, name, AT_REMOVEDIR));
  yield;
}

const stay = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

function openChild(fd: number, name: ByteString): number {
  try {
    return openResolving(fd, name, O_RDONLY | O_DIRECTORY, 0, stay);
  } catch (error) {
    if (!isSysError(error, "ENOSYS")) throw error;
    // Before Linux 5.6. O_NOFOLLOW still keeps symlinks out; mount points are then left to EBUSY of rmdir(2).
    return openAt(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
}

function retryWritable(fd: number, act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isSysError(error, "EACCES")) throw error;
    fchmod(fd, 0o700);
    act();
  }
}
