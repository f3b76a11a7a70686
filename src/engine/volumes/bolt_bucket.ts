/**
 * One bucket of a database file of bbolt, the one in which dockerd keeps what it knows of volumes; read only, and only
 * while nobody writes it. Layout: go.etcd.io/bbolt, page.go, db.go (`meta`), bucket.go; numbers are little-endian.
 *
 *     page   := id:u64 flags:u16 count:u16 overflow:u32 element{count}
 *     meta   := page magic:u32 version:u32 pageSize:u32 flags:u32 root:u64 sequence:u64 freelist:u64 pages:u64 txid:u64 checksum:u64
 *     leaf   := flags:u32 pos:u32 keySize:u32 valueSize:u32      key and value at pos from the element
 *     branch := pos:u32 keySize:u32 page:u64
 *     bucket := root:u64 sequence:u64 [page, where root is 0]
 */

const pageHead = 16;
const elementSize = 16;
const metaSize = 64;
const magic = 0xed0cdaed;
const isBucket = 1;
const branch = 1;
const leaf = 2;

/** No tree of a sound file is deeper. */
const deepest = 32;

/**
 * Keys and values of a bucket at the top; undefined where there is none.
 * @throws RangeError for bytes that are no such file, or a damaged one
 */
export function readBucket(file: Buffer, name: string): Map<string, Buffer> | undefined {
  const { root, pageSize } = newestMeta(file);
  const read = { file, pageSize, pagesLeft: file.length / pageSize + 1 };
  for (const [key, { value, flags }] of entriesOf(read, root, 0)) {
    if (key !== name || (flags & isBucket) === 0) continue;
    const inside = number(value, 0);
    const entries = inside === 0 ? pageEntries(read, value.subarray(16), 0) : entriesOf(read, inside, 0);
    return new Map([...entries].map(([each, entry]) => [each, entry.value]));
  }
  return undefined;
}

interface Reading {
  readonly file: Buffer;
  readonly pageSize: number;
  /** Pages that may still be read: one that leads back to itself would never end. */
  pagesLeft: number;
}

interface Entry {
  readonly value: Buffer;
  readonly flags: number;
}

/** Of the two the one that was written last, unless that was broken off. */
function newestMeta(file: Buffer): { readonly root: number; readonly pageSize: number } {
  const guess = file.length >= pageHead + metaSize ? file.readUInt32LE(pageHead + 8) : 0;
  const size = guess >= 1024 && guess <= 65536 ? guess : 4096;
  const metas = [0, size]
    .map((at) => file.subarray(at + pageHead, at + pageHead + metaSize))
    .filter((meta) => meta.length === metaSize && meta.readUInt32LE(0) === magic)
    .filter((meta) => meta.readBigUInt64LE(56) === fnv(meta.subarray(0, 56)))
    .sort((a, b) => number(b, 48) - number(a, 48));
  const [meta] = metas;
  if (meta === undefined) throw new RangeError("no bbolt database");
  return { root: number(meta, 16), pageSize: meta.readUInt32LE(8) };
}

/** FNV-1a of 64 bits. */
function fnv(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

function entriesOf(read: Reading, page: number, depth: number): Generator<[string, Entry]> {
  return pageEntries(read, read.file.subarray(page * read.pageSize), depth);
}

function* pageEntries(read: Reading, page: Buffer, depth: number): Generator<[string, Entry]> {
  if (depth > deepest || --read.pagesLeft < 0) throw new RangeError("a page leads back to itself");
  const [flags, count] = [page.readUInt16LE(8), page.readUInt16LE(10)];
  for (let index = 0; index < count; index++) {
    const element = page.subarray(pageHead + index * elementSize);
    if ((flags & branch) !== 0) yield* entriesOf(read, number(element, 8), depth + 1);
    else if ((flags & leaf) !== 0) yield leafEntry(element);
    else throw new RangeError("a page of another kind");
  }
}

function leafEntry(element: Buffer): [string, Entry] {
  const [pos, keySize, valueSize] = [
    element.readUInt32LE(4),
    element.readUInt32LE(8),
    element.readUInt32LE(12),
  ];
  const end = pos + keySize + valueSize;
  if (end > element.length) throw new RangeError("an element behind the end");
  const key = element.toString("utf8", pos, pos + keySize);
  return [key, { value: element.subarray(pos + keySize, end), flags: element.readUInt32LE(0) }];
}

function number(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError("a number that is too large");
  return Number(value);
}
