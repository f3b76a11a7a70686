/**
 * CBOR (RFC 8949), as COSE envelopes need it: whole numbers, byte and text strings, arrays, maps, tags, true, false and null,
 * of definite length. An item is never longer than its input, so the input's size bounds the work.
 */
import { invalidSignature } from "../signature_failure.ts";

export interface CborTagged {
  readonly tag: number;
  readonly value: CborValue;
}
export type CborValue = number | string | boolean | null | Buffer | CborValue[] | CborMap | CborTagged;
export type CborMap = Map<number | string, CborValue>;

const deepest = 16;
/** Values of major type 7. */
const simple = new Map<number, CborValue>([
  [20, false],
  [21, true],
  [22, null],
]);

/** Reads one item, which must be all there is. @throws Failure "unauthorized" for any other kind of item */
export function parseCbor(bytes: Buffer): CborValue {
  const reader = { bytes, at: 0 };
  const value = item(reader, 0);
  if (reader.at !== bytes.length) throw broken();
  return value;
}

interface Reader {
  readonly bytes: Buffer;
  at: number;
}

function item(reader: Reader, depth: number): CborValue {
  if (depth > deepest) throw broken();
  const { major, argument } = head(reader);
  switch (major) {
    case 0:
      return argument;
    case 1:
      return -1 - argument;
    case 2:
      return take(reader, argument);
    case 3:
      return take(reader, argument).toString("utf8");
    case 4:
      return Array.from(counted(reader, argument), () => item(reader, depth + 1));
    case 5:
      return mapOf(reader, argument, depth);
    case 6:
      return { tag: argument, value: item(reader, depth + 1) };
    default: {
      const value = simple.get(argument);
      if (value === undefined) throw broken();
      return value;
    }
  }
}

function head(reader: Reader): { readonly major: number; readonly argument: number } {
  const [first] = take(reader, 1) as unknown as [number];
  const [major, low] = [first >> 5, first & 31];
  if (low < 24) return { major, argument: low };
  // Of the values of major type 7 only small ones are known: wider ones are floating-point numbers.
  if (low > 27 || major === 7) throw broken();
  const wide = take(reader, 1 << (low - 24));
  const argument = wide.length === 8 ? Number(wide.readBigUInt64BE()) : wide.readUIntBE(0, wide.length);
  if (!Number.isSafeInteger(argument)) throw broken();
  return { major, argument };
}

function take(reader: Reader, length: number): Buffer {
  const end = reader.at + length;
  if (end > reader.bytes.length) throw broken();
  const taken = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return taken;
}

/** Each item has a byte at least: a count beyond what is left promises what cannot come. */
function counted({ bytes, at }: Reader, length: number): { readonly length: number } {
  if (length > bytes.length - at) throw broken();
  return { length };
}

function mapOf(reader: Reader, size: number, depth: number): CborMap {
  counted(reader, size);
  const map: CborMap = new Map();
  for (let i = 0; i < size; i++) {
    const key = item(reader, depth + 1);
    if ((typeof key !== "number" && typeof key !== "string") || map.has(key)) throw broken();
    map.set(key, item(reader, depth + 1));
  }
  return map;
}

function broken() {
  return invalidSignature("is no CBOR that a signature would have");
}
