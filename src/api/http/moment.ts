/** Points in time as clients of the Engine API give them (moby, api/types/time/timestamp.go, `GetTimestamp`). */
import { Failure } from "../../errors.ts";

const unitMilliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds since 1970 of `10m` (so long before `now`), `1700000000.5` (seconds), or a date as in RFC 3339, which may
 * lack its zone (then it is UTC), its time or its seconds.
 * @throws Failure("invalid")
 */
export function parseMoment(text: string, now: number = Date.now()): number {
  const ago = durationOf(text);
  if (ago !== undefined) return now - ago;
  if (/^\d{1,15}(\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  const [, date, time = "00:00", zone = "Z"] =
    /^(\d{4}-\d\d-\d\d)(?:T(\d\d(?::\d\d){1,2}(?:\.\d{1,9})?))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const moment = date === undefined ? Number.NaN : Date.parse(`${date}T${time}${zone}`);
  if (!Number.isNaN(moment)) return moment;
  throw new Failure("invalid", `failed to parse value as time or duration: ${JSON.stringify(text)}`);
}

/** Go's durations. */
function durationOf(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/gy)];
  const length = parts.reduce((sum, [whole]) => sum + whole.length, 0);
  if (parts.length === 0 || length < text.length) return undefined;
  return parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * (unitMilliseconds[unit ?? ""] ?? 0),
    0,
  );
}
