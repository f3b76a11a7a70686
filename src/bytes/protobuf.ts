/**
 * The wire format of protocol buffers, as far as containerd's task service and the CRI need it: varints, strings, bytes
 * and nested messages (protobuf.dev, "Encoding"). Fixed-width fields are skipped when read. No schema language: a
 * message is a list of numbered fields that is written by hand where it is sent.
 */
import { Failure } from "../errors.ts";

/** What a field may hold when it is written. Undefined, 0, false, "" and empty bytes are left out, as proto3 does. */
export type FieldValue = string | number | bigint | boolean | Uint8Array | Present | undefined;

/** A nested message, or an element of a list: written also when it is empty. */
export interface Present {
  readonly present: Uint8Array;
}

/** The fields of a message that was read: every value of every field number, in order. */
export type Fields = ReadonlyMap<number, readonly (bigint | Uint8Array)[]>;

const wireVarint = 0;
const wireFixed64 = 1;
const wireBytes = 2;
const wireFixed32 = 5;

/**
 * Encodes one message.
 * @param fields field number to value; nested messages are given as their encoded bytes. An array is a repeated field.
 */
export function encodeMessage(
  fields: Readonly<Record<number, FieldValue | readonly FieldValue[]>>,
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, value] of Object.entries(fields))
    for (const one of Array.isArray(value) ? value : [value as FieldValue])
      encodeField(Number(number), one, parts);
  return Buffer.concat(parts);
}

function encodeField(number: number, value: FieldValue, parts: Uint8Array[]): void {
  if (value === undefined || value === "" || value === false || value === 0 || value === 0n) return;
  if (typeof value === "string" || typeof value === "object") {
    const isPresent = typeof value === "object" && "present" in value;
    const bytes = isPresent ? value.present : typeof value === "string" ? Buffer.from(value, "utf8") : value;
    if (bytes.length === 0 && !isPresent) return;
    parts.push(varint(BigInt((number << 3) | wireBytes)), varint(BigInt(bytes.length)), bytes);
  } else {
    parts.push(varint(BigInt((number << 3) | wireVarint)), varint(BigInt(value)));
  }
}

/** Base-128, low group first; negative numbers as their 64-bit two's complement (ten bytes). */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/**
 * Decodes one message. Unknown fields are kept like known ones.
 * @throws {Failure} `corrupt` when the bytes end within a field or use a wire type that proto3 does not have
 */
export function decodeMessage(bytes: Uint8Array): Fields {
  const fields = new Map<number, (bigint | Uint8Array)[]>();
  const add = (number: number, value: bigint | Uint8Array): void => {
    const values = fields.get(number);
    if (values === undefined) fields.set(number, [value]);
    else values.push(value);
  };
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw truncated(bytes.length);
    at += length;
    return bytes.subarray(at - length, at);
  };
  const next = (): number => {
    if (at >= bytes.length) throw truncated(bytes.length);
    return bytes[at++] as number;
  };
  // Long lists are made of short numbers: no bigint for each of their bytes.
  const readVarint = (): number | bigint => {
    let [value, factor] = [0, 1];
    for (; factor < 2 ** 49; factor *= 128) {
      const byte = next();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return readRest(BigInt(value));
  };
  const readRest = (first: bigint): bigint => {
    let value = first;
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = next();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Failure("corrupt", "protobuf: a varint has more than 10 bytes");
  };
  while (at < bytes.length) {
    const key = Number(readVarint());
    const number = Math.floor(key / 8);
    const wire = key % 8;
    if (wire === wireVarint) add(number, BigInt(readVarint()));
    else if (wire === wireBytes) add(number, take(Number(readVarint())));
    else if (wire === wireFixed64) take(8);
    else if (wire === wireFixed32) take(4);
    else throw new Failure("corrupt", `protobuf: field ${number} has the unknown wire type ${wire}`);
  }
  return fields;
}

function truncated(length: number): Failure {
  return new Failure("corrupt", `protobuf: the message of ${length} bytes ends within a field`);
}

/** The last value of a numeric field, or 0. Values above 2^53 lose precision; use {@link bigField} for those. */
export function numberField(fields: Fields, number: number): number {
  return Number(bigField(fields, number));
}

/** The last value of a numeric field as an unsigned 64-bit number, or 0. */
export function bigField(fields: Fields, number: number): bigint {
  const value = fields.get(number)?.at(-1);
  return typeof value === "bigint" ? value : 0n;
}

/** The last value of a bytes field or nested message, or no bytes. */
export function bytesField(fields: Fields, number: number): Uint8Array {
  const value = fields.get(number)?.at(-1);
  return value instanceof Uint8Array ? value : new Uint8Array();
}

/** The last value of a string field, or "". */
export function stringField(fields: Fields, number: number): string {
  return Buffer.from(bytesField(fields, number)).toString("utf8");
}
