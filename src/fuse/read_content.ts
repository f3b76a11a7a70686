/** READ and LSEEK: the contents of files, which are stretches of layer tars. */
import * as sys from "../sys/index.ts";
import type { Extent, FileNode } from "../union/index.ts";
import { errors, replyHeader } from "./protocol.ts";
import type { Outcome, Reply } from "./reply.ts";

/**
 * Reads up to `length` bytes at `offset` into the body of `reply`, fewer only at the file's end.
 * @returns EIO where a tar ends before the content does: zeros would pass for the file's own
 * @throws SysError
 */
export function readContent(
  reply: Reply,
  sources: readonly number[],
  file: FileNode,
  offset: number,
  length: number,
): Outcome {
  const room = reply.bytes.length - replyHeader;
  const end = offset + Math.max(0, Math.min(length, room, file.size - offset));
  let position = offset;
  for (let index = firstAfter(file.extents, offset); position < end; index++) {
    const extent = file.extents[index];
    const start = Math.min(extent?.at ?? end, end);
    if (position < start) {
      reply.bytes.fill(0, replyHeader + position - offset, replyHeader + start - offset);
      position = start;
    }
    if (extent === undefined || position === end) break;
    const until = Math.min(extent.at + extent.length, end);
    const into = reply.bytes.subarray(replyHeader + position - offset, replyHeader + until - offset);
    if (!fill(sources[extent.source], into, extent.offset + position - extent.at)) return -errors.EIO;
    position = until;
  }
  return end - offset;
}

/** @returns false where the tar ends too early, or there is none */
function fill(fd: number | undefined, into: Uint8Array, position: number): boolean {
  if (fd === undefined) return false;
  let done = 0;
  while (done < into.length) {
    const count = sys.pread(fd, done === 0 ? into : into.subarray(done), position + done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}

/** The first extent that ends after `offset`, by bisection: sparse files may have thousands. */
function firstAfter(extents: readonly Extent[], offset: number): number {
  let [low, high] = [0, extents.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { at, length } = extents[middle] as Extent;
    if (at + length > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Where the next data or the next hole begins, which is how copies of sparse files stay sparse (lseek(2)).
 * @returns undefined beyond the last data, or the end
 */
export function seekContent({ size, extents }: FileNode, offset: number, hole: boolean): number | undefined {
  if (offset >= size) return undefined;
  let index = firstAfter(extents, offset);
  if (!hole) {
    const next = extents[index];
    return next === undefined ? undefined : Math.max(offset, next.at);
  }
  let position = offset;
  for (let next = extents[index]; next !== undefined && next.at <= position; next = extents[++index]) {
    position = next.at + next.length;
  }
  // The end of the file counts as the beginning of a hole.
  return Math.min(position, size);
}
