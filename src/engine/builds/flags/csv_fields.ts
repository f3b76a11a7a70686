/**
 * The values of `--output`, `--secret`, `--ssh` and `--cache-*`: one line of CSV (RFC 4180, as Go's encoding/csv reads
 * it) whose fields are `key=value`.
 *
 *     line  := field { "," field }
 *     field := plain | '"' { character but '"' | '""' } '"'
 *     plain := characters but '"' and ","
 */
import { Failure } from "../../../errors.ts";

export interface CsvField {
  /** In lower case. */
  readonly key: string;
  /** Undefined: there is no `=`. */
  readonly value: string | undefined;
  /** The field as it stood, without quotes. */
  readonly text: string;
}

/** @param flag the flag's name, for messages @throws {Failure} `invalid` */
export function csvFields(text: string, flag: string): CsvField[] {
  return splitFields(text, flag).map((field) => {
    const equals = field.indexOf("=");
    if (equals < 0) return { key: field.toLowerCase(), value: undefined, text: field };
    return { key: field.slice(0, equals).toLowerCase(), value: field.slice(equals + 1), text: field };
  });
}

function splitFields(text: string, flag: string): string[] {
  const fields: string[] = [];
  for (let at = 0; ;) {
    const [field, end] = text[at] === '"' ? quotedField(text, at, flag) : plainField(text, at, flag);
    fields.push(field);
    if (end >= text.length) return fields;
    if (text[end] !== ",") throw malformed(text, flag, 'extraneous or missing " in quoted-field');
    at = end + 1;
  }
}

function plainField(text: string, start: number, flag: string): [string, number] {
  const comma = text.indexOf(",", start);
  const end = comma < 0 ? text.length : comma;
  const field = text.slice(start, end);
  if (field.includes('"')) throw malformed(text, flag, 'bare " in non-quoted-field');
  return [field, end];
}

function quotedField(text: string, start: number, flag: string): [string, number] {
  let field = "";
  for (let at = start + 1; ;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw malformed(text, flag, 'extraneous or missing " in quoted-field');
    field += text.slice(at, quote);
    if (text[quote + 1] !== '"') return [field, quote + 1];
    field += '"';
    at = quote + 2;
  }
}

function malformed(text: string, flag: string, why: string): Failure {
  return new Failure("invalid", `invalid value "${text}" for --${flag}: ${why}`);
}

/**
 * The fields as attributes; a key that comes twice has its last value. @param bare what a field without `=` means;
 * default: it is refused @throws {Failure} `invalid`
 */
export function csvAttributes(
  text: string,
  flag: string,
  bare?: (field: string) => readonly [string, string] | undefined,
): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const field of csvFields(text, flag)) {
    const [key, value] =
      field.value === undefined ? (bare?.(field.text) ?? [field.key]) : [field.key, field.value];
    if (value === undefined) {
      throw new Failure(
        "invalid",
        `invalid value "${text}" for --${flag}: "${field.text}" must be a key=value pair`,
      );
    }
    attributes.set(key, value);
  }
  return attributes;
}

/** A boolean as Go's strconv.ParseBool reads it. @throws {Failure} `invalid` */
export function csvBoolean(attributes: ReadonlyMap<string, string>, key: string, flag: string): boolean {
  const text = attributes.get(key);
  if (text === undefined) return false;
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new Failure(
    "invalid",
    `invalid value "${text}" for ${key} of --${flag}: it is neither true nor false`,
  );
}
