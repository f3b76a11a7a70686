/**
 * Parts of a kept tar that are read from another layer's tar, because they are the same and may be holes here.
 *
 *     <tar's directory>/shared           which, `varve shared 1 <sha256 of the rest>` LF, then JSON:
 *                                        [[offset, length, donor, donorOffset], ...]
 *     <tar's directory>/lent/<donor>.tar one more name of the donor's tar, so that it outlives its layer
 *
 * Where `lent` is, `shared` must be: without it holes would be read as content.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../../errors.ts";
import { digestOf, hexOf } from "../../oci/index.ts";
import type { TarTarget } from "../types.ts";

/** Places and lengths are in bytes. */
export interface SharedRange {
  readonly offset: number;
  readonly length: number;
  /** The donor's cache ID. */
  readonly donor: string;
  /** Place in the donor's tar. */
  readonly donorOffset: number;
}

const title = "varve shared 1";
type Row = [offset: number, length: number, donor: string, donorOffset: number];

/** Where the second names of donors' tars lie. */
export function lentDirectory({ tar }: Pick<TarTarget, "tar">): string {
  return `${dirname(tar)}/lent`;
}

/** The donor's tar, as this layer holds it. */
export function lentTar(target: Pick<TarTarget, "tar">, donor: string): string {
  return `${lentDirectory(target)}/${donor}.tar`;
}

function sharedPath({ tar }: Pick<TarTarget, "tar">): string {
  return `${dirname(tar)}/shared`;
}

/**
 * What of the tar lies elsewhere, in order, never overlapping. Who reads the tar opens it first and then asks: what is
 * not on record by then is not taken out while the tar is open.
 * @throws Failure("corrupt") if the record is missing or not as it was written
 */
export function readShared(target: Pick<TarTarget, "tar">): SharedRange[] {
  const path = sharedPath(target);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    if (!existsSync(lentDirectory(target))) return [];
    throw damaged(path, "is missing");
  }
  const end = bytes.indexOf(10);
  const body = bytes.subarray(end + 1);
  if (bytes.toString("latin1", 0, Math.max(0, end)) !== headOf(body)) throw damaged(path, "is damaged");
  const rows = JSON.parse(body.toString("latin1")) as Row[];
  return rows.map(([offset, length, donor, donorOffset]) => ({ offset, length, donor, donorOffset }));
}

function headOf(body: Uint8Array): string {
  return `${title} ${hexOf(digestOf(body))}`;
}

function damaged(path: string, what: string): Failure {
  return new Failure("corrupt", `layer file ${path} ${what}`, {
    hint: "`varve system check --deep --repair` fetches the layer again.",
  });
}

/** Replaces the record; durable when this returns. */
export function writeShared(target: Pick<TarTarget, "tar">, ranges: readonly SharedRange[]): void {
  const rows = ranges
    .toSorted((a, b) => a.offset - b.offset)
    .map(({ offset, length, donor, donorOffset }): Row => [offset, length, donor, donorOffset]);
  const body = Buffer.from(`${JSON.stringify(rows)}\n`, "latin1");
  const path = sharedPath(target);
  const fresh = `${path}.fresh`;
  const fd = openSync(fresh, "w", 0o600);
  try {
    writeSync(fd, Buffer.concat([Buffer.from(`${headOf(body)}\n`), body]));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(fresh, path);
  syncDirectory(dirname(path));
}

/** For a tar that has all its bytes itself. Killed at any point, this leaves a layer that reads right. */
export function dropShared(target: Pick<TarTarget, "tar">): void {
  const path = sharedPath(target);
  rmSync(`${path}.fresh`, { force: true });
  if (existsSync(lentDirectory(target))) {
    // Empty first: `shared` must not name what is gone, nor may `lent` be there without it.
    writeShared(target, []);
    rmSync(lentDirectory(target), { recursive: true, force: true });
    syncDirectory(dirname(path));
  }
  rmSync(path, { force: true });
}

/** Makes names in the directory last. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Calls `act` with each part of `[offset, offset + length)` in order, and the range that it is shared by, if any. */
export function forEachPart(
  ranges: readonly SharedRange[],
  offset: number,
  length: number,
  act: (from: number, to: number, range: SharedRange | undefined) => void,
): void {
  const end = offset + length;
  let at = offset;
  for (let index = firstBehind(ranges, offset); at < end; index++) {
    const range = ranges[index];
    const begin = Math.min(end, range?.offset ?? end);
    if (at < begin) act(at, begin, undefined);
    if (range === undefined || begin === end) return;
    const to = Math.min(end, range.offset + range.length);
    act(Math.max(at, begin), to, range);
    at = to;
  }
}

/** Place of the first range that ends behind `offset`. */
function firstBehind(ranges: readonly SharedRange[], offset: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { offset: at, length } = ranges[middle] as SharedRange;
    if (at + length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
