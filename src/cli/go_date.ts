/** Dates as Go's `time.Time.String` and Docker's tables print them. */

/** `2026-11-22 02:29:29 +0000 UTC`. Milliseconds since 1970. */
export function goDate(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().replace("T", " ").slice(0, 19)} +0000 UTC`;
}

/** With the fraction of a second, without its zeros at the end. */
export function goDateExactly(milliseconds: number): string {
  const fraction = (milliseconds % 1000) / 1000;
  const digits = fraction === 0 ? "" : fraction.toFixed(3).slice(1).replace(/0+$/, "");
  return goDate(milliseconds).replace(" +", `${digits} +`);
}

/** RFC 3339 with whole seconds: `2026-11-22T02:29:29Z`. */
export function rfc3339(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
