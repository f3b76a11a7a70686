/** The `key=value,key,…` of `--mount`. */
import { Complaint } from "../complaint.ts";
import type { PlacedValue } from "../flags.ts";
import { guess } from "../guess.ts";

/** The keys and their other names. */
const names = {
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
} as const;

export type FieldName = (typeof names)[keyof typeof names];

export interface MountField {
  /** In small letters, as written: `src`. */
  readonly key: string;
  /** Undefined for a key alone, which only switches may be. */
  readonly value: string | undefined;
  /** Where it stands in the instruction's text. */
  readonly at: number;
  readonly length: number;
}

/** The last of several fields of one name counts, as in Docker. */
export function mountFields(flag: PlacedValue): ReadonlyMap<FieldName, MountField> {
  const start = flag.at + "--mount=".length;
  const fields = new Map<FieldName, MountField>();
  for (const { text, at } of commaSeparated(flag)) {
    const equals = text.indexOf("=");
    const key = (equals < 0 ? text : text.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : text.slice(equals + 1);
    const name = Object.hasOwn(names, key) ? names[key as keyof typeof names] : undefined;
    const isSwitch = name === "readonly" || name === "readwrite" || name === "required";
    if (name === undefined || (value === undefined && !isSwitch)) {
      const message =
        value === undefined
          ? `invalid field '${text}' must be a key=value pair`
          : `unexpected key '${key}' in '${text}'`;
      const meant = name === undefined ? guess(key, Object.keys(names)) : `${key}=…`;
      throw new Complaint(message, { at: start + at, length: key.length, guess: meant });
    }
    fields.set(name, { key, value, at: start + at, length: text.length });
  }
  return fields;
}

/** One line of CSV (RFC 4180), as Go reads it. */
function commaSeparated({ value, at: flagAt }: PlacedValue): { text: string; at: number }[] {
  const fields: { text: string; at: number }[] = [];
  for (let at = 0; at <= value.length; at++) {
    const start = at;
    let text = "";
    if (value.charAt(at) === '"') [text, at] = quotedField(value, at);
    else {
      const comma = value.indexOf(",", at);
      at = comma < 0 ? value.length : comma;
      text = value.slice(start, at);
    }
    const isQuoted = value.charAt(start) === '"';
    if ((at < value.length && value.charAt(at) !== ",") || (!isQuoted && text.includes('"'))) {
      const message = `failed to parse csv mounts: parse error on line 1, column ${start + 1}: stray " in a field`;
      throw new Complaint(message, { at: flagAt });
    }
    fields.push({ text, at: start });
  }
  return fields;
}

/** The text, and where the field ends: behind its last quote. `""` is a quote in it. */
function quotedField(value: string, start: number): [text: string, end: number] {
  let text = "";
  for (let at = start + 1; at < value.length; at++) {
    if (value.charAt(at) !== '"') text += value.charAt(at);
    else if (value.charAt(at + 1) === '"') text += value.charAt(++at);
    else return [text, at + 1];
  }
  // Not closed: the caller finds a character that is no comma.
  return [text, start];
}
