/** Flags of one instruction (buildkit, frontend/dockerfile/instructions/bflag.go); texts are those of Docker 20.10. */
import { Complaint } from "./complaint.ts";
import { guess } from "./guess.ts";
import type { RawFlag } from "./split_statement.ts";

export interface PlacedValue {
  readonly value: string;
  /** Where the flag begins in the instruction's text. */
  readonly at: number;
}

/** `list`: may be given several times. */
export type FlagKind = "text" | "list" | "boolean";

/** Values by name; a boolean is `true` or `false`. */
export function readFlags(
  flags: readonly RawFlag[],
  known: Readonly<Record<string, FlagKind>>,
): ReadonlyMap<string, readonly PlacedValue[]> {
  const values = new Map<string, PlacedValue[]>();
  for (const { text, at } of flags) {
    const equals = text.indexOf("=");
    const name = text.slice(2, equals < 0 ? undefined : equals);
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    const place = { at, length: 2 + name.length };
    if (kind === undefined) {
      const meant = guess(name, Object.keys(known));
      throw new Complaint(`Unknown flag: ${name}`, { ...place, guess: meant && `--${meant}` });
    }
    const given = values.get(name) ?? [];
    if (given.length > 0 && kind !== "list") throw new Complaint(`Duplicate flag specified: ${name}`, place);
    const value = equals < 0 ? undefined : text.slice(equals + 1);
    given.push({ value: checked(name, kind, value, place), at });
    values.set(name, given);
  }
  return values;
}

function checked(
  name: string,
  kind: FlagKind,
  value: string | undefined,
  place: { at: number; length: number },
): string {
  const missing = kind === "boolean" ? value === "" : value === undefined;
  if (missing) throw new Complaint(`Missing a value on flag: ${name}`, place);
  if (kind !== "boolean") return value as string;
  const lower = (value ?? "true").toLowerCase();
  if (lower === "true" || lower === "false") return lower;
  throw new Complaint(`Expecting boolean value for flag ${name}, not: ${value}`, place);
}
