/**
 * The grammar of a configuration, in parts that both check and type what they read. Nothing is thrown half-way: all that is
 * wrong with a file is found in one go.
 */
import { nearest } from "./nearest.ts";

export type KeyPath = readonly (string | number)[];

/** Takes what is wrong, at its place. */
export interface Problems {
  /** The value cannot be used. */
  wrong(path: KeyPath, message: string): void;
  /** The value is known and changes nothing here. */
  idle(path: KeyPath, message: string): void;
}

/** One kind of value. `read` gets undefined for an absent key and answers then with the default. */
export interface Field<Value> {
  read(value: unknown, path: KeyPath, problems: Problems): Value;
  /** The field below a key, for the names of variables of the environment; undefined: there is none of that name. */
  child?(key: string): Field<unknown> | undefined;
}

export type Read<F> = F extends Field<infer Value> ? Value : never;

type Fields = Readonly<Record<string, Field<unknown>>>;
type Values<F extends Fields> = { readonly [Key in keyof F]: Read<F[Key]> };

/** A map with these keys and no others; absent, it is one of defaults. */
export function section<F extends Fields>(fields: F): Field<Values<F>> {
  const names = Object.keys(fields);
  return {
    read: (value, path, problems) => {
      const given = mapAt(value, path, problems);
      for (const key of Object.keys(given)) {
        if (!Object.hasOwn(fields, key)) problems.wrong([...path, key], unknownKey(key, names));
      }
      const read = names.map((name) => [name, fields[name]!.read(given[name], [...path, name], problems)]);
      return Object.fromEntries(read) as Values<F>;
    },
    child: (key) => (Object.hasOwn(fields, key) ? fields[key] : undefined),
  };
}

/** Undefined when the key is absent or says nothing, as YAML's `tls:` does. */
export function optional<Value>(field: Field<Value>): Field<Value | undefined> {
  return {
    ...(field.child && { child: field.child.bind(field) }),
    read: (value, path, problems) =>
      value === undefined || value === null ? undefined : field.read(value, path, problems),
  };
}

export function list<Value>(item: Field<Value>): Field<readonly Value[]> {
  return {
    child: (key) => (/^\d{1,3}$/.test(key) ? item : undefined),
    read: (value, path, problems) => {
      if (value === undefined || value === null) return [];
      if (!Array.isArray(value)) return expected(problems, path, "a list", value, []);
      return value.map((each: unknown, index) => item.read(each, [...path, index], problems));
    },
  };
}

/** A map with keys that the user chooses. */
export function mapOf<Value>(item: Field<Value>): Field<Readonly<Record<string, Value>>> {
  return {
    child: () => item,
    read: (value, path, problems) => {
      const given = Object.entries(mapAt(value, path, problems));
      return Object.fromEntries(given.map(([key, each]) => [key, item.read(each, [...path, key], problems)]));
    },
  };
}

/** Whatever it is; somebody else checks it. */
export const anything: Field<unknown> = { read: (value) => value ?? undefined, child: () => anything };

/** What distribution knows and what has no meaning here. */
export function idle(reason: string): Field<undefined> {
  return {
    child: () => anything,
    read: (value, path, problems) => {
      if (value !== undefined && value !== null) problems.idle(path, reason);
      return undefined;
    },
  };
}

/** A value without parts, by a rule that answers undefined for what is none. */
export function scalar<Value, Missing>(
  kind: string,
  missing: Missing,
  parse: (value: unknown) => Value | undefined,
): Field<Value | Missing> {
  return {
    read: (value, path, problems) => {
      if (value === undefined || value === null) return missing;
      const parsed = parse(value);
      return parsed === undefined ? expected(problems, path, kind, value, missing) : parsed;
    },
  };
}

function expected<Value>(
  problems: Problems,
  path: KeyPath,
  kind: string,
  found: unknown,
  instead: Value,
): Value {
  problems.wrong(path, `expected ${kind}, found ${shown(found)}`);
  return instead;
}

/** A value may be a secret that slipped to a wrong place: its kind is told, and as much as helps of what is no text. */
function shown(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function mapAt(value: unknown, path: KeyPath, problems: Problems): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  return expected(problems, path, "a map", value, {});
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return near === undefined
    ? `unknown key (known: ${known.join(", ")})`
    : `unknown key, did you mean ${near}?`;
}
