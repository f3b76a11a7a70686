/** Points in time that users give to `logs` and `events`, as the Engine API takes them (moby, api/types/time, `GetTimestamp`). */
import { parseDuration } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";

/**
 * Seconds since 1970, with nanoseconds where they were given: `10m` ago, RFC 3339 or a part of it in local time, or
 * such a number as it is. "" for undefined.
 * @param now milliseconds since 1970
 * @throws Failure("invalid")
 */
export function timestamp(text: string | undefined, now: number): string {
  if (text === undefined || text === "") return "";
  const ago = parseDuration(text);
  if (ago !== undefined) return String(Math.floor((now * 1e6 - ago) / 1e9));
  if (/^\d+(\.\d{1,9})?$/.test(text)) return text;
  const [, date, time = "T00:00:00", fraction = "", zone = ""] =
    /^(\d{4}-\d\d-\d\d)(T\d\d(?::\d\d(?::\d\d)?)?)?(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const whole = `${time}${":00:00".slice(time.length - 3)}`;
  const milliseconds = Date.parse(`${date}${whole}${zone}`);
  if (date === undefined || Number.isNaN(milliseconds)) {
    throw new Failure("invalid", `failed to parse value as time or duration: ${JSON.stringify(text)}`);
  }
  return `${Math.floor(milliseconds / 1000)}.${fraction.padEnd(9, "0")}`;
}
