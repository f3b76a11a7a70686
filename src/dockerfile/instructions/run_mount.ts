/** `--mount=type=…,…` of RUN (buildkit, frontend/dockerfile/instructions/commands_runmount.go). */
import { Complaint } from "../complaint.ts";
import type { PlacedValue } from "../flags.ts";
import { guess } from "../guess.ts";
import type { RunMount } from "../types.ts";

const types = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
const sharings = ["shared", "private", "locked"] as const;

/** The keys and their other names. */
const keys: Readonly<Record<string, string>> = {
  type: "type",
  from: "from",
  source: "source",
  src: "source",
  target: "target",
  dst: "target",
  destination: "target",
  readonly: "readonly",
  ro: "readonly",
  readwrite: "readwrite",
  rw: "readwrite",
  required: "required",
  id: "id",
  sharing: "sharing",
  size: "size",
  mode: "mode",
  uid: "uid",
  gid: "gid",
  env: "env",
};

/** Variables stay in the words; numbers without any are checked now. */
export function parseRunMount({ value, at }: PlacedValue): RunMount {
  const fail: Fail = (message, meant) => {
    throw new Complaint(message, { at, guess: meant });
  };
  const given = readFields(value, fail);
  const type = choice(given, "type", types, "mount type", fail) ?? "bind";
  const sharing = choice(given, "sharing", sharings, "sharing value", fail);
  checkKeys(type, given, fail);
  checkNumbers(given, fail);
  const readWrite = writable(type, given, fail);
  const required = flag(given, "required", fail);
  const texts = ["target", "source", "from", "id", "mode", "uid", "gid", "size", "env"] as const;
  return {
    type,
    ...Object.fromEntries(texts.flatMap((key) => (given.has(key) ? [[key, given.get(key)?.value]] : []))),
    ...(readWrite === undefined ? {} : { readWrite }),
    ...(sharing === undefined ? {} : { sharing }),
    ...(required === undefined ? {} : { required }),
  };
}

type Fail = (message: string, guess?: string) => never;
/** `key`: as it was written. */
type Fields = ReadonlyMap<string, { readonly key: string; readonly value: string | undefined }>;

function readFields(text: string, fail: Fail): Fields {
  const fields = new Map<string, { key: string; value: string | undefined }>();
  for (const field of commaSeparated(text, fail)) {
    const equals = field.indexOf("=");
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    const name = Object.hasOwn(keys, key) ? (keys[key] as string) : undefined;
    if (value === undefined && !/^(?:readonly|readwrite|required)$/.test(name ?? ""))
      fail(`invalid field '${field}' must be a key=value pair`, name ?? guess(key, Object.keys(keys)));
    if (name === undefined) fail(`unexpected key '${key}' in '${field}'`, guess(key, Object.keys(keys)));
    fields.set(name, { key, value });
  }
  return fields;
}

/** One line of CSV (RFC 4180), as Go reads it. */
function commaSeparated(text: string, fail: Fail): string[] {
  const fields: string[] = [];
  for (let at = 0; at <= text.length; at++) {
    const [all = "", quoted, plain = ""] =
      /^(?:"((?:[^"]|"")*)"(?=,|$)|([^,"]*)(?=,|$))/.exec(text.slice(at)) ?? [];
    if (all === "" && at < text.length && text.charAt(at) !== ",")
      fail(`failed to parse csv mounts: parse error on line 1, column ${at + 1}: stray " in a field`);
    fields.push(quoted?.replaceAll('""', '"') ?? plain);
    at += all.length;
  }
  return fields;
}

function choice<T extends string>(
  given: Fields,
  key: string,
  known: readonly T[],
  what: string,
  fail: Fail,
): T | undefined {
  const value = given.get(key)?.value;
  if (value === undefined) return undefined;
  const found = known.find((each) => each === value.toLowerCase());
  return found ?? fail(`unsupported ${what} ${JSON.stringify(value)}`, guess(value, known));
}

/** What only some types take. */
function checkKeys(type: RunMount["type"], given: Fields, fail: Fail): void {
  const unexpected = (name: string): never =>
    fail(`unexpected key '${given.get(name)?.key}' for mount type '${type}'`);
  if (given.has("required") && type !== "secret" && type !== "ssh") unexpected("required");
  if (given.has("size") && type !== "tmpfs") unexpected("size");
  for (const name of ["mode", "uid", "gid"])
    if (given.has(name) && (type === "bind" || type === "tmpfs"))
      fail(`${name} not allowed for "${type}" type mounts`);
  const from = given.get("from")?.value ?? "";
  if (/\$./su.test(from)) fail("'from' doesn't support variable expansion, define alias stage instead");
  if (type === "secret") checkSecret(given, fail);
  if (given.has("sharing") && type !== "cache") fail(`invalid cache sharing set for ${type} mount`);
}

function checkSecret(given: Fields, fail: Fail): void {
  if (given.get("from")?.value) fail("secret mount should not have a from");
  if (given.has("sharing")) fail("secret mount should not define sharing");
  const [source, target, id] = ["source", "target", "id"].map((key) => given.get(key)?.value);
  if (!source && !target && !id) fail("invalid secret mount. one of source, target required");
  if (source && id) fail("both source and id can't be set");
}

function checkNumbers(given: Fields, fail: Fail): void {
  const check = (
    name: string,
    pattern: RegExp,
    message: (field: { key: string; value: string }) => string,
  ): void => {
    const { key = "", value = "" } = given.get(name) ?? {};
    if (given.has(name) && !value.includes("$") && !pattern.test(value)) fail(message({ key, value }));
  };
  check("mode", /^0*[0-7]{1,10}$/, ({ value }) => `invalid value ${value} for mode`);
  for (const name of ["uid", "gid"])
    check(name, /^0*\d{1,10}$/, ({ key, value }) => `invalid value ${value} for ${key}`);
  check(
    "size",
    /^\d+(?:\.\d+)? ?(?:[kmgtp]i?)?b?$/i,
    ({ key, value }) => `invalid value for ${key}: ${value}`,
  );
}

function writable(type: RunMount["type"], given: Fields, fail: Fail): boolean | undefined {
  if (type !== "bind" && type !== "cache") return undefined;
  const [readOnly, readWrite] = [flag(given, "readonly", fail), flag(given, "readwrite", fail)];
  return readWrite ?? (readOnly === undefined ? type === "cache" : !readOnly);
}

/** Go's strconv.ParseBool. */
function flag(given: Fields, name: string, fail: Fail): boolean | undefined {
  const field = given.get(name);
  if (field === undefined) return undefined;
  if (field.value === undefined || /^(?:1|t|true|T|TRUE|True)$/.test(field.value)) return true;
  if (/^(?:0|f|false|F|FALSE|False)$/.test(field.value)) return false;
  return fail(`invalid value for ${field.key}: ${field.value}`);
}
