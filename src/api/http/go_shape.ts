/**
 * Bodies of requests as Go reads them into a struct (encoding/json): names in any case, unknown ones passed over, null and
 * what is missing left at zero, another type refused in Go's words. So what comes out has every field.
 */
import { Failure } from "../../errors.ts";

/** Where in the body a value stands. */
interface Place {
  /** The struct that holds it; undefined: it is the body itself. */
  readonly struct?: string;
  readonly path: readonly string[];
}

export interface Shape<T> {
  /** Go's name of the type. */
  readonly type: string;
  /** What a field has that is missing or null. */
  zero(): T;
  read(value: unknown, place: Place): T;
  /** Whether Go leaves it out where the field is `omitempty`. */
  isEmpty(value: T): boolean;
}

export type ReadOf<S> = S extends Shape<infer T> ? T : never;

/** Reads a whole body. @throws Failure("invalid") */
export function readBody<T>(shape: Shape<T>, body: unknown): T {
  return body === null ? shape.zero() : shape.read(body, { path: [] });
}

function mismatch(value: unknown, place: Place, type: string): Failure {
  const kind =
    typeof value === "boolean"
      ? "bool"
      : Array.isArray(value)
        ? "array"
        : value === null
          ? "null"
          : typeof value;
  const shown = typeof value === "number" && /^u?int/.test(type) ? `number ${value}` : kind;
  const target =
    place.struct === undefined ? "Go value" : `Go struct field ${place.struct}.${place.path.join(".")}`;
  return new Failure("invalid", `json: cannot unmarshal ${shown} into ${target} of type ${type}`);
}

function scalar<T extends string | boolean>(type: string, kind: "string" | "boolean", zero: T): Shape<T> {
  return {
    type,
    zero: () => zero,
    read: (value, place) => {
      if (typeof value !== kind) throw mismatch(value, place, type);
      return value as T;
    },
    isEmpty: (value) => value === zero,
  };
}

export const text: Shape<string> = scalar("string", "string", "" as string);
export const truth: Shape<boolean> = scalar("bool", "boolean", false as boolean);

/** @param type `int64`, `int`, `uint16`... */
export function integer(type: string): Shape<number> {
  const least = type.startsWith("u") ? 0 : -Infinity;
  return {
    type,
    zero: () => 0,
    read: (value, place) => {
      if (typeof value !== "number" || !Number.isInteger(value) || value < least)
        throw mismatch(value, place, type);
      return value;
    },
    isEmpty: (value) => value === 0,
  };
}

/** A slice: null where there is none. */
export function list<T>(of: Shape<T>): Shape<T[] | null> {
  const type = `[]${of.type}`;
  return {
    type,
    zero: () => null,
    read: (value, place) => {
      if (!Array.isArray(value)) throw mismatch(value, place, type);
      return value.map((each) => (each === null ? of.zero() : of.read(each, place)));
    },
    isEmpty: (value) => value === null || value.length === 0,
  };
}

/** Docker's `strslice.StrSlice`: one word may stand for a list of one. */
export const words: Shape<string[] | null> = {
  type: "[]string",
  zero: () => null,
  read: (value, place) => (Array.isArray(value) ? list(text).read(value, place) : [text.read(value, place)]),
  isEmpty: (value) => value === null || value.length === 0,
};

/** A map with names that the client chooses. */
export function dictionary<T>(of: Shape<T>): Shape<Record<string, T> | null> {
  const type = `map[string]${of.type}`;
  return {
    type,
    zero: () => null,
    read: (value, place) => {
      if (!isObject(value)) throw mismatch(value, place, type);
      const entries = Object.entries(value);
      return Object.fromEntries(
        entries.map(([key, each]) => [key, each === null ? of.zero() : of.read(each, place)]),
      );
    },
    isEmpty: (value) => value === null || Object.keys(value).length === 0,
  };
}

/** An array of a fixed length: what is missing is zero, what is too much is dropped. */
export function pairOf(of: Shape<number>): Shape<[number, number]> {
  const type = `[2]${of.type}`;
  return {
    type,
    zero: () => [0, 0],
    read: (value, place) => {
      if (!Array.isArray(value)) throw mismatch(value, place, type);
      const [first, second] = value.map((each) => of.read(each, place));
      return [first ?? 0, second ?? 0];
    },
    isEmpty: () => false,
  };
}

/** Null where there is none: so zero can be told from nothing. */
export function pointer<T>(to: Shape<T>): Shape<T | null> {
  return {
    type: to.type,
    zero: () => null,
    read: (value, place) => to.read(value, place),
    isEmpty: (value) => value === null,
  };
}

/** Of a struct: left out of the result where it is empty (`omitempty`). */
export interface Optional<T> {
  readonly optional: Shape<T>;
}

export function optional<T>(shape: Shape<T>): Optional<T> {
  return { optional: shape };
}

type Fields = Readonly<Record<string, Shape<unknown> | Optional<unknown>>>;
type Known<F> = { [K in keyof F as F[K] extends Shape<unknown> ? K : never]: ReadOf<F[K]> };
type Perhaps<F> = {
  [K in keyof F as F[K] extends Optional<unknown> ? K : never]?: F[K] extends Optional<infer T> ? T : never;
};

/** @param type Go's name, for messages: `HostConfig` */
export function struct<F extends Record<string, object>>(
  type: string,
  fields: F,
): Shape<Known<F> & Perhaps<F>> {
  type Result = Known<F> & Perhaps<F>;
  const all = fields as unknown as Fields;
  const names = new Map(Object.keys(all).map((name) => [name.toLowerCase(), name]));
  const finish = (given: ReadonlyMap<string, unknown>): Result => {
    const result: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(all)) {
      const shape = "optional" in field ? field.optional : field;
      const value = given.has(name) ? given.get(name) : shape.zero();
      if (!("optional" in field) || !shape.isEmpty(value)) result[name] = value;
    }
    return result as Result;
  };
  return {
    type,
    zero: () => finish(new Map()),
    read: (value, place) => {
      if (!isObject(value)) throw mismatch(value, place, type);
      const given = new Map<string, unknown>();
      for (const [key, each] of Object.entries(value)) {
        const name = names.get(key.toLowerCase());
        if (name === undefined || each === null) continue;
        const field = all[name] as Shape<unknown> | Optional<unknown>;
        const shape = "optional" in field ? field.optional : field;
        given.set(name, shape.read(each, { struct: bare(type), path: [...place.path, name] }));
      }
      return finish(given);
    },
    isEmpty: () => false,
  };
}

/** Go names a struct with its package only where it stands alone. */
function bare(type: string): string {
  return type.slice(type.lastIndexOf(".") + 1);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
