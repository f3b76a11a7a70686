/** Messages as tables: what a field is called here, its number, its type (protobuf.dev, "Encoding"; proto3's defaults). */
import { decodeMessage, encodeMessage, type FieldValue } from "../bytes/index.ts";

/** How one field is read, and written: `W` may leave out what has a default. */
export interface Field<R, W> {
  readonly number: number;
  read(values: Values): R;
  write(value: W): FieldValue | readonly FieldValue[];
}

type Values = readonly (bigint | Uint8Array)[];
type AnyField = Field<unknown, never>;
type Table = Readonly<Record<string, AnyField>>;

type ReadOf<T extends Table> = { readonly [K in keyof T]: T[K] extends Field<infer R, never> ? R : never };
type WriteOf<T extends Table> = {
  readonly [K in keyof T]?: (T[K] extends Field<unknown, infer W> ? W : never) | undefined;
};

export interface Decoder<R> {
  /** @throws Failure("corrupt") for bytes that are no message */
  decode(bytes: Uint8Array): R;
}

export interface Encoder<W> {
  encode(value: W): Uint8Array;
}

export interface Message<R, W> extends Decoder<R>, Encoder<W> {}

/** What a message says once it was read. */
export type Read<M> = M extends Decoder<infer R> ? R : never;
/** What is to be said of a message that is sent. */
export type Write<M> = M extends Encoder<infer W> ? W : never;

export function message<T extends Table>(table: T): Message<ReadOf<T>, WriteOf<T>> {
  const fields = Object.entries(table);
  return {
    decode: (bytes) => {
      const found = decodeMessage(bytes);
      const read: Record<string, unknown> = {};
      for (const [name, field] of fields) read[name] = field.read(found.get(field.number) ?? nothing);
      return read as ReadOf<T>;
    },
    encode: (value) => {
      const given = value as Readonly<Record<string, never>>;
      const known = fields.filter(([name]) => given[name] !== undefined);
      return encodeMessage(
        Object.fromEntries(known.map(([name, field]) => [field.number, field.write(given[name] as never)])),
      );
    },
  };
}

const nothing: Values = [];
const noBytes = new Uint8Array();

const isBytes = (value: bigint | Uint8Array | undefined): value is Uint8Array => value instanceof Uint8Array;
const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const lastBytes = (values: Values): Uint8Array => values.findLast(isBytes) ?? noBytes;

function lastNumber(values: Values): bigint {
  const last = values.at(-1);
  return typeof last === "bigint" ? BigInt.asIntN(64, last) : 0n;
}

export function text(number: number): Field<string, string> {
  return { number, read: (values) => toText(lastBytes(values)), write: (value) => value };
}

export function bytes(number: number): Field<Uint8Array, Uint8Array> {
  return { number, read: lastBytes, write: (value) => value };
}

export function flag(number: number): Field<boolean, boolean> {
  return { number, read: (values) => lastNumber(values) !== 0n, write: (value) => value };
}

/** Signed, up to 2^53; also an enum. */
export function integer(number: number): Field<number, number> {
  return {
    number,
    read: (values) => Number(lastNumber(values)),
    write: (value) => BigInt(Math.trunc(value)),
  };
}

/** Signed, 64 bits: nanoseconds. */
export function big(number: number): Field<bigint, bigint> {
  return { number, read: lastNumber, write: (value) => value };
}

export function texts(number: number): Field<readonly string[], readonly string[]> {
  return {
    number,
    read: (values) => values.filter(isBytes).map(toText),
    write: (list) => list.map((value) => ({ present: Buffer.from(value) })),
  };
}

/** Repeated bytes. */
export function blobs(number: number): Field<readonly Uint8Array[], readonly Uint8Array[]> {
  return {
    number,
    read: (values) => values.filter(isBytes),
    write: (list) => list.map((present) => ({ present })),
  };
}

/** Repeated numbers, packed or not. */
export function integers(number: number): Field<readonly number[], readonly number[]> {
  return {
    number,
    read: (values) =>
      values.flatMap((value) => (isBytes(value) ? unpacked(value) : Number(BigInt.asIntN(64, value)))),
    // One that is 0 would be taken for the default.
    write: (list) => list.map((value) => (value === 0 ? { present: Buffer.of(0) } : BigInt(value))),
  };
}

/** As the field of a message would have it, over and over. */
function unpacked(packed: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < packed.length;) {
    let end = at;
    while ((packed[end] ?? 0) >= 0x80) end++;
    const field = Buffer.concat([Buffer.of(8), packed.subarray(at, end + 1)]);
    numbers.push(Number(lastNumber(decodeMessage(field).get(1) ?? [])));
    at = end + 1;
  }
  return numbers;
}

/** Undefined: it is not there, which for a message is not the same as empty. */
export function one<R, W>(number: number, of: Message<R, W>): Field<R | undefined, W> {
  return {
    number,
    read: (values) => (values.some(isBytes) ? of.decode(lastBytes(values)) : undefined),
    write: (value) => ({ present: of.encode(value) }),
  };
}

export function many<R, W>(number: number, of: Message<R, W>): Field<readonly R[], readonly W[]> {
  return {
    number,
    read: (values) => values.filter(isBytes).map((value) => of.decode(value)),
    write: (list) => list.map((value) => ({ present: of.encode(value) })),
  };
}

const entry = message({ key: text(1), value: text(2) });

/** `map<string, string>`. */
export function map(
  number: number,
): Field<Readonly<Record<string, string>>, Readonly<Record<string, string>>> {
  const entries = many(number, entry);
  return {
    number,
    read: (values) => Object.fromEntries(entries.read(values).map(({ key, value }) => [key, value])),
    write: (given) => entries.write(Object.entries(given).map(([key, value]) => ({ key, value }))),
  };
}

/** A number that is set or not: `Int64Value`, `UInt64Value`, and the like. */
const wrapped = message({ value: integer(1) });

export function optional(number: number): Field<number | undefined, number> {
  const field = one(number, wrapped);
  return {
    number,
    read: (values) => field.read(values)?.value,
    write: (value) => field.write({ value }),
  };
}
