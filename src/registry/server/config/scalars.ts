/** The kinds of single values in a configuration. */
import type { FreeSpace } from "../../policy/disk_guard.ts";
import { scalar, type Field } from "./field.ts";

export function text(): Field<string | undefined>;
export function text<Missing>(missing: Missing): Field<string | Missing>;
export function text(missing?: unknown): Field<unknown> {
  // YAML makes numbers of a tag or a name of digits.
  return scalar("a text", missing, (value) =>
    typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined,
  );
}

/** Also by the words that YAML 1.1, which distribution reads, has for it. */
export function flag<Missing>(missing: Missing): Field<boolean | Missing> {
  return scalar("true or false", missing, (value) => {
    if (typeof value === "boolean") return value;
    if (typeof value !== "string") return undefined;
    if (/^(?:true|yes|on|y)$/i.test(value)) return true;
    return /^(?:false|no|off|n)$/i.test(value) ? false : undefined;
  });
}

export function integer(missing: number, least = 0): Field<number> {
  return scalar(`a whole number, at least ${least}`, missing, (value) => {
    const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
    return Number.isSafeInteger(number) && (number as number) >= least ? (number as number) : undefined;
  });
}

export function oneOf<const Word extends string, const Missing>(
  words: readonly Word[],
  missing: Missing,
): Field<Word | Missing> {
  return scalar(`one of ${words.join(", ")}`, missing, (value) =>
    words.find((word) => word === String(value).toLowerCase()),
  );
}

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  // Go has no days; our own keys count in them.
  d: 86_400_000,
};

/** Milliseconds, written as Go does: `1m30s`. A bare number would be nanoseconds for distribution, and never meant so. */
export function duration<Missing>(missing: Missing): Field<number | Missing> {
  return scalar("a time such as 500ms, 30s, 1m30s or 168h", missing, (value) => {
    if (value === 0 || value === "0") return 0;
    if (typeof value !== "string" || !/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d))+$/.test(value))
      return undefined;
    const parts = value.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g);
    return [...parts].reduce(
      (sum, [, count, unit]) => sum + Number(count) * (units[unit as string] as number),
      0,
    );
  });
}

/** Milliseconds after midnight UTC. */
export function timeOfDay<Missing>(missing: Missing): Field<number | Missing> {
  return scalar("a time of day in UTC such as 03:30", missing, (value) => {
    const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(String(value)) ?? [];
    return hours === undefined ? undefined : (Number(hours) * 60 + Number(minutes)) * 60_000;
  });
}

const sizes = ["b", "kib", "mib", "gib", "tib", "kb", "mb", "gb", "tb"];

function parseSize(value: unknown): number | undefined {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  const [, count, unit = "b"] = /^(\d{1,15}(?:\.\d{1,6})?) ?([kmgt]i?b|b)?$/i.exec(String(value)) ?? [];
  if (count === undefined) return undefined;
  const at = sizes.indexOf(unit.toLowerCase());
  const bytes = Math.floor(Number(count) * (at < 5 ? 1024 ** at : 1000 ** (at - 4)));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Bytes. */
export function byteSize<Missing>(missing: Missing): Field<number | Missing> {
  return scalar("bytes such as 500MB or 10GiB", missing, parseSize);
}

/** Of a disk. */
export function freeSpace<Missing>(missing: Missing): Field<FreeSpace | Missing> {
  return scalar("bytes such as 10GiB, or a part such as 5%", missing, (value) => {
    const percent = /^(\d{1,2}(?:\.\d{1,3})?)%$/.exec(String(value))?.[1];
    if (percent !== undefined) return { kind: "percent", percent: Number(percent) };
    const bytes = parseSize(value);
    return bytes === undefined ? undefined : { kind: "bytes", bytes };
  });
}

/** Where to listen. An empty host is all addresses, IPv6 and IPv4. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `:5000`, `127.0.0.1:5000`, `[::1]:5000`; undefined for what is none. */
export function parseAddress(value: unknown): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([\w.-]*)):(\d{1,5})$/i.exec(String(value));
  if (match === null || Number(match[3]) > 65_535) return undefined;
  return { host: match[1] ?? match[2] ?? "", port: Number(match[3]) };
}

export function address<Missing>(missing: Missing): Field<ListenAddress | Missing> {
  return scalar("HOST:PORT, such as :5000 or 127.0.0.1:5000", missing, parseAddress);
}

export function httpUrl<Missing>(missing: Missing): Field<string | Missing> {
  return scalar("an http or https URL", missing, (value) =>
    typeof value === "string" && /^https?:\/\//.test(value) && URL.canParse(value) ? value : undefined,
  );
}
