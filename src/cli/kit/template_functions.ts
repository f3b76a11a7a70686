/** Functions of templates: Go's own (text/template, funcs.go) and those of Docker's CLI (templates/templates.go). */
import { goPrint, goSprint, goSprintf, goSprintln, goType, mapEntries } from "./go_print.ts";
import { plainJson } from "./json_text.ts";

/** Fails by throwing an Error, whose message the caller places in the template. */
export type TemplateFunction = (...args: unknown[]) => unknown;

/** Go's notion of a value that counts as false. */
export function isTrue(value: unknown): boolean {
  if (value === null || value === undefined) return false;
  if (typeof value === "object")
    return Array.isArray(value) ? value.length > 0 : mapEntries(value).length > 0;
  return value !== false && value !== 0 && value !== "" && !Number.isNaN(value);
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new Error(`wrong type for value; expected string; got ${goType(value)}`);
}

function integer(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw new Error(`wrong type for value; expected int; got ${goType(value)}`);
}

/** Strings are byte strings to Go: `len` and `slice` count bytes. */
const bytesOf = (value: string): Buffer => Buffer.from(value);

function length(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (typeof value === "object" && value !== null) return mapEntries(value).length;
  throw new Error(
    value === null || value === undefined ? "len of nil pointer" : `len of type ${goType(value)}`,
  );
}

/** Docker's maps hold strings (labels): a missing key then gives "". */
function indexInto(value: unknown, key: unknown): unknown {
  if (value === null || value === undefined) {
    if (typeof key === "string") return "";
    throw new Error("index of untyped nil");
  }
  if (typeof value === "string" || Array.isArray(value)) {
    const list = typeof value === "string" ? bytesOf(value) : value;
    if (typeof key !== "number") throw new Error(`cannot index slice/array with type ${goType(key)}`);
    if (key < 0 || key >= list.length) throw new Error(`index out of range: ${key}`);
    return list[key] as unknown;
  }
  if (typeof value !== "object") throw new Error(`can't index item of type ${goType(value)}`);
  if (typeof key !== "string") throw new Error(`value has type ${goType(key)}; should be string`);
  const members = mapEntries(value);
  const found = members.find(([name]) => name === key);
  if (found !== undefined) return found[1];
  return members.every(([, item]) => typeof item === "string") ? "" : undefined;
}

function slice(value: unknown, ...indexes: unknown[]): unknown {
  const [from = 0, to] = indexes.map(integer);
  const list = typeof value === "string" ? bytesOf(value) : value;
  if (!Array.isArray(list) && !Buffer.isBuffer(list))
    throw new Error(`can't slice item of type ${goType(value)}`);
  const end = to ?? list.length;
  if (from < 0 || from > list.length) throw new Error(`index out of range: ${from}`);
  if (end < 0 || end > list.length) throw new Error(`index out of range: ${end}`);
  if (from > end) throw new Error(`invalid slice index: ${from} > ${end}`);
  return Buffer.isBuffer(list) ? list.subarray(from, end).toString() : (list as unknown[]).slice(from, end);
}

function equal(first: unknown, second: unknown): boolean {
  const nothing = (value: unknown): boolean => value === null || value === undefined;
  if (nothing(first) || nothing(second)) return nothing(first) && nothing(second);
  for (const value of [first, second]) {
    if (typeof value === "object") throw new Error(`non-comparable type ${goPrint(value)}: ${goType(value)}`);
  }
  if (typeof first !== typeof second) throw incompatible(first, second);
  return first === second;
}

function less(first: unknown, second: unknown): boolean {
  const ordered = typeof first === "string" || typeof first === "number";
  if (!ordered) throw new Error("invalid type for comparison");
  if (typeof first !== typeof second) throw incompatible(first, second);
  return typeof first === "string"
    ? Buffer.compare(bytesOf(first), bytesOf(second as string)) < 0
    : first < (second as number);
}

function incompatible(first: unknown, second: unknown): Error {
  return new Error(`incompatible types for comparison: ${goType(first)} and ${goType(second)}`);
}

function join(value: unknown, separator: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(goPrint).join(text(separator));
  if (typeof value !== "object") throw new Error(`expected slice, got ${goType(value)}`);
  return mapEntries(value)
    .map(([, item]) => goPrint(item))
    .sort()
    .join(text(separator));
}

function pad(value: unknown, before: unknown, after: unknown): string {
  const content = text(value);
  return content === "" ? "" : " ".repeat(integer(before)) + content + " ".repeat(integer(after));
}

function truncate(value: unknown, columns: unknown): string {
  const bytes = bytesOf(text(value));
  return bytes.length < integer(columns) ? text(value) : bytes.subarray(0, integer(columns)).toString();
}

const htmlNames: Record<string, string> = {
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};

/** `and` and `or` are not here: they stop early, so the runner evaluates them. */
export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  json: plainJson,
  join,
  pad,
  truncate,
  slice,
  split: (value, separator) => text(value).split(text(separator)),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  title: (value) => text(value).replace(/(?<![\p{L}\p{N}_])\p{L}/gu, (letter) => letter.toUpperCase()),
  len: length,
  index: (value, ...keys) => keys.reduce((item, key) => indexInto(item, key), value),
  not: (value) => !isTrue(value),
  print: (...values) => goSprint(values),
  println: (...values) => goSprintln(values),
  printf: (format, ...values) => goSprintf(text(format), values),
  html: (...values) => goSprint(values).replace(/["'&<>]/g, (found) => htmlNames[found] as string),
  urlquery: (...values) => encodeURIComponent(goSprint(values)).replaceAll("%20", "+"),
  eq: (first, ...others) => {
    if (others.length === 0) throw new Error("missing argument for comparison");
    return others.some((other) => equal(first, other));
  },
  ne: (first, second) => !equal(first, second),
  lt: less,
  le: (first, second) => less(first, second) || equal(first, second),
  gt: (first, second) => !(less(first, second) || equal(first, second)),
  ge: (first, second) => !less(first, second),
};

const arities: readonly (readonly [least: number, most: number, names: string])[] = [
  [0, Infinity, "print println html urlquery"],
  [1, Infinity, "printf index eq and or"],
  [1, 1, "json lower upper title len not"],
  [1, 4, "slice"],
  [2, 2, "join truncate split ne lt le gt ge"],
  [3, 3, "pad"],
];

/** How many arguments each function takes: [least, most]. */
export const functionArity: Readonly<Record<string, readonly [number, number]>> = Object.fromEntries(
  arities.flatMap(([least, most, list]) => list.split(" ").map((name) => [name, [least, most] as const])),
);
