/**
 * The file of a content memory. Numbers are as this machine writes them; other machines do not read it.
 *
 *     magic (16 bytes) · sha256 of all that follows (32) · count · bytes of paths (4 each)
 *     · 8 doubles an entry: dev, ino high, ino low, size, mtime, its ns, ctime, its ns
 *     · 32 bytes an entry: sha256 of the content · paths, each ended by NUL
 *
 * In columns, so that reading it is a few large steps: no entry is looked at before it is asked for.
 */
import { hash } from "node:crypto";
import type { ByteString } from "../../byte_string.ts";
import type { Stat } from "../../sys/index.ts";

/** What changes when a file's content does: nobody can set the change time. */
export type FileIdentity = Pick<Stat, "dev" | "ino" | "size" | "mtime" | "mtimeNs" | "ctime" | "ctimeNs">;

export interface MemoryTable {
  readonly paths: readonly ByteString[];
  /** {@link width} of each entry. */
  readonly numbers: Float64Array;
  /** 32 bytes of each entry. */
  readonly digests: Buffer;
}

export const emptyTable: MemoryTable = {
  paths: [],
  numbers: new Float64Array(0),
  digests: Buffer.alloc(0),
};

/** Numbers of an entry. */
const width = 8;
const digestLength = 32;
const magic = Buffer.from("varve-contents1\n");
const bodyStart = magic.length + digestLength;
const headLength = bodyStart + 8;

/** Undefined for anything that was not written by {@link encodeTable}, to its last byte. */
export function decodeTable(bytes: Buffer): MemoryTable | undefined {
  if (bytes.length < headLength || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  const sum = bytes.subarray(magic.length, bodyStart);
  if (!hash("sha256", bytes.subarray(bodyStart), "buffer").equals(sum)) return undefined;
  const count = bytes.readUInt32LE(bodyStart);
  const pathBytes = bytes.readUInt32LE(bodyStart + 4);
  const digestsStart = headLength + count * width * 8;
  const pathsStart = digestsStart + count * digestLength;
  if (pathsStart + pathBytes !== bytes.length) return undefined;
  const paths = bytes.toString("latin1", pathsStart).split("\0");
  paths.pop();
  if (paths.length !== count) return undefined;
  // A copy, because doubles must lie at multiples of their size.
  const numbers = new Float64Array(Uint8Array.from(bytes.subarray(headLength, digestsStart)).buffer);
  return { paths, numbers, digests: bytes.subarray(digestsStart, pathsStart) };
}

export function encodeTable({ paths, numbers, digests }: MemoryTable): Buffer {
  const names = Buffer.from(paths.map((path) => `${path}\0`).join(""), "latin1");
  const counts = Buffer.alloc(8);
  counts.writeUInt32LE(paths.length, 0);
  counts.writeUInt32LE(names.length, 4);
  const body = Buffer.concat([counts, new Uint8Array(numbers.buffer), digests, names]);
  return Buffer.concat([magic, hash("sha256", body, "buffer"), body]);
}

/** Whether entry `row` is of a file that is this one, unchanged. */
export function isOf({ numbers }: MemoryTable, row: number, identity: FileIdentity): boolean {
  const at = row * width;
  const { ino } = identity;
  return (
    numbers[at + 7] === identity.ctimeNs &&
    numbers[at + 6] === identity.ctime &&
    numbers[at + 5] === identity.mtimeNs &&
    numbers[at + 4] === identity.mtime &&
    numbers[at + 3] === identity.size &&
    numbers[at + 2] === low(ino) &&
    numbers[at + 1] === high(ino) &&
    numbers[at] === identity.dev
  );
}

export function isSame(a: FileIdentity, b: FileIdentity): boolean {
  return (
    a.ctimeNs === b.ctimeNs &&
    a.ctime === b.ctime &&
    a.mtimeNs === b.mtimeNs &&
    a.mtime === b.mtime &&
    a.size === b.size &&
    a.ino === b.ino &&
    a.dev === b.dev
  );
}

export function digestOf({ digests }: MemoryTable, row: number): string {
  return digests.toString("hex", row * digestLength, (row + 1) * digestLength);
}

/** What is remembered of one file. */
export interface Remembered {
  readonly identity: FileIdentity;
  readonly digest: string;
}

/** A table of these rows of `table` and of what is new. */
export function joinTables(
  table: MemoryTable,
  rows: readonly number[],
  added: ReadonlyMap<ByteString, Remembered>,
): MemoryTable {
  const paths = [...rows.map((row) => table.paths[row] as ByteString), ...added.keys()];
  const numbers = new Float64Array(paths.length * width);
  const digests = Buffer.alloc(paths.length * digestLength);
  for (const [to, row] of rows.entries()) {
    numbers.set(table.numbers.subarray(row * width, (row + 1) * width), to * width);
    table.digests.copy(digests, to * digestLength, row * digestLength, (row + 1) * digestLength);
  }
  let to = rows.length;
  for (const { identity, digest } of added.values()) {
    const { dev, ino, size, mtime, mtimeNs, ctime, ctimeNs } = identity;
    numbers.set([dev, high(ino), low(ino), size, mtime, mtimeNs, ctime, ctimeNs], to * width);
    digests.write(digest, to * digestLength, "hex");
    to++;
  }
  return { paths, numbers, digests };
}

function high(ino: number | bigint): number {
  return typeof ino === "bigint" ? Number(ino >> 32n) : Math.floor(ino / 0x1_0000_0000);
}

function low(ino: number | bigint): number {
  return typeof ino === "bigint" ? Number(ino & 0xffff_ffffn) : ino >>> 0;
}
