/** Blocks of a file that are given back to the file system. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { Failure } from "../../../errors.ts";
import * as sys from "../../../sys/index.ts";

/** Of nearly all file systems; where blocks are larger, those that lie in a range by half stay. */
const block = 4096;

export interface Blocks {
  readonly offset: number;
  /** 0 or less: there are none. */
  readonly length: number;
}

/** The whole blocks in a part of a file. */
export function wholeBlocks(offset: number, length: number): Blocks {
  const from = Math.ceil(offset / block) * block;
  return { offset: from, length: Math.floor((offset + length) / block) * block - from };
}

/** Whether something in there is no hole. Where the file system does not say, all is content. */
export function hasData(fd: number, { offset, length }: Blocks): boolean {
  if (length <= 0) return false;
  const at = sys.seek(fd, offset, sys.SEEK_DATA);
  return at >= 0 && at < offset + length;
}

const piece = 1 << 20;

/** Whether all that is no hole in there is in `other`, too, `shift` bytes further on. */
export function hasSameData(fd: number, { offset, length }: Blocks, other: number, shift: number): boolean {
  const [mine, theirs] = [Buffer.alloc(piece), Buffer.alloc(piece)];
  const end = offset + length;
  for (let at = sys.seek(fd, offset, sys.SEEK_DATA); at >= 0 && at < end;) {
    const hole = sys.seek(fd, at, sys.SEEK_HOLE);
    const size = Math.min(piece, (hole < 0 ? end : Math.min(hole, end)) - at);
    const [a, b] = [mine.subarray(0, size), theirs.subarray(0, size)];
    if (sys.pread(fd, a, at) !== size || sys.pread(other, b, at + shift) !== size || !a.equals(b))
      return false;
    at = sys.seek(fd, at + size, sys.SEEK_DATA);
  }
  return true;
}

/** Makes a hole of the blocks, durably once `fd` is flushed. @returns the bytes on the disk that came back */
export function punch(fd: number, parts: readonly Blocks[]): number {
  const before = sys.fstat(fd).blocks;
  for (const { offset, length } of parts) if (length > 0) sys.punchHole(fd, offset, length);
  sys.fsync(fd);
  return Math.max(0, before - sys.fstat(fd).blocks) * 512;
}

/**
 * Tries on a file in `directory`, which has no name any more when it is used.
 * @throws Failure("unsupported") where files cannot have holes, or nobody can tell whether one is in use
 */
export function mustPunch(directory: string): void {
  const path = `${directory}/.punch-${process.pid}`;
  const fd = openSync(path, "w+", 0o600);
  try {
    rmSync(path);
    writeSync(fd, Buffer.alloc(2 * block, 1));
    sys.punchHole(fd, 0, block);
    sys.isOpenElsewhere(fd);
  } catch (error) {
    if (!sys.isSysError(error)) throw error;
    throw new Failure("unsupported", `cannot optimize ${directory}: its file system cannot do it`, {
      cause: error,
      hint: "It takes holes in files and leases, as ext4, xfs and btrfs have them.",
    });
  } finally {
    closeSync(fd);
  }
}
