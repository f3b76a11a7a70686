/** `--mount=type=…,…` of RUN (buildkit, frontend/dockerfile/instructions/commands_runmount.go). */
import { Complaint } from "../complaint.ts";
import type { PlacedValue } from "../flags.ts";
import { guess } from "../guess.ts";
import type { RunMount } from "../types.ts";
import { mountFields, type FieldName, type MountField } from "./mount_fields.ts";

const types = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
const sharings = ["shared", "private", "locked"] as const;
const texts = ["target", "source", "from", "id", "mode", "uid", "gid", "size", "env"] as const;

type Fields = ReadonlyMap<FieldName, MountField>;

/** Variables stay in the words; numbers without any are checked now. */
export function parseRunMount(flag: PlacedValue): RunMount {
  const fields = mountFields(flag);
  const type = choice(fields.get("type"), types, "mount type") ?? "bind";
  const sharing = choice(fields.get("sharing"), sharings, "sharing value");
  checkNames(type, fields);
  if (type === "secret") checkSecret(fields, flag);
  checkNumbers(fields);
  const readWrite = writable(type, fields);
  const required = switched(fields.get("required"));
  const given = texts.flatMap((name) => (fields.has(name) ? [[name, fields.get(name)?.value]] : []));
  return {
    type,
    ...Object.fromEntries(given),
    ...(readWrite === undefined ? {} : { readWrite }),
    ...(sharing === undefined ? {} : { sharing }),
    ...(required === undefined ? {} : { required }),
  };
}

function fail(message: string, { at, length }: { at: number; length?: number }, meant?: string): never {
  throw new Complaint(message, { at, guess: meant, ...(length === undefined ? {} : { length }) });
}

function choice<T extends string>(
  field: MountField | undefined,
  known: readonly T[],
  what: string,
): T | undefined {
  const value = field?.value;
  if (field === undefined || value === undefined) return undefined;
  const found = known.find((each) => each === value.toLowerCase());
  return found ?? fail(`unsupported ${what} ${JSON.stringify(value)}`, field, guess(value, known));
}

/** What only some types take. */
function checkNames(type: RunMount["type"], fields: Fields): void {
  const refuse = (name: FieldName, message: (key: string) => string): void => {
    const field = fields.get(name);
    if (field !== undefined) fail(message(field.key), field);
  };
  const unexpected = (key: string): string => `unexpected key '${key}' for mount type '${type}'`;
  if (type !== "secret" && type !== "ssh") refuse("required", unexpected);
  if (type !== "tmpfs") refuse("size", unexpected);
  if (type === "bind" || type === "tmpfs") {
    for (const name of ["mode", "uid", "gid"] as const)
      refuse(name, (key) => `${key} not allowed for "${type}" type mounts`);
  }
  if (type === "secret") refuse("sharing", () => "secret mount should not define sharing");
  if (type !== "cache") refuse("sharing", () => `invalid cache sharing set for ${type} mount`);
  if (/\$./su.test(fields.get("from")?.value ?? ""))
    refuse("from", () => "'from' doesn't support variable expansion, define alias stage instead");
}

function checkSecret(fields: Fields, flag: PlacedValue): void {
  const from = fields.get("from");
  if (from?.value) fail("secret mount should not have a from", from);
  const [source, id] = [fields.get("source"), fields.get("id")];
  if (!source?.value && !id?.value && !fields.get("target")?.value)
    fail("invalid secret mount. one of source, target required", { at: flag.at });
  if (source?.value && id?.value) fail("both source and id can't be set", id);
}

function checkNumbers(fields: Fields): void {
  const check = (name: FieldName, isRight: (value: string) => boolean, before: boolean): void => {
    const field = fields.get(name);
    const value = field?.value;
    if (field === undefined || value === undefined || value.includes("$") || isRight(value)) return;
    fail(
      before ? `invalid value ${value} for ${field.key}` : `invalid value for ${field.key}: ${value}`,
      field,
    );
  };
  check("mode", (value) => /^[0-7]+$/.test(value) && Number.parseInt(value, 8) < 2 ** 32, true);
  for (const name of ["uid", "gid"] as const)
    check(name, (value) => /^\d+$/.test(value) && Number(value) < 2 ** 32, true);
  check("size", (value) => /^\d+(?:\.\d+)? ?(?:[kmgtp]i?)?b?$/i.test(value), false);
}

function writable(type: RunMount["type"], fields: Fields): boolean | undefined {
  const [readOnly, readWrite] = [switched(fields.get("readonly")), switched(fields.get("readwrite"))];
  if (type !== "bind" && type !== "cache") return undefined;
  return readWrite ?? (readOnly === undefined ? type === "cache" : !readOnly);
}

/** Go's strconv.ParseBool. */
function switched(field: MountField | undefined): boolean | undefined {
  if (field === undefined) return undefined;
  const { key, value } = field;
  if (value === undefined || /^(?:1|t|true|T|TRUE|True)$/.test(value)) return true;
  return /^(?:0|f|false|F|FALSE|False)$/.test(value)
    ? false
    : fail(`invalid value for ${key}: ${value}`, field);
}
