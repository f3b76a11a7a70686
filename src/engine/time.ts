/** Times as Go prints them. */

/** RFC 3339 in UTC with trailing zeros of the fraction cut. Milliseconds since 1970. */
export function goTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.?0+Z$/, "Z");
}

/** Go's zero time: what Docker shows where there is none. */
export const never = "0001-01-01T00:00:00Z";

/** An RFC 3339 time in the spelling in which Go prints it again: `05.120Z` is `05.12Z`, `05.000+02:00` is `05+02:00`. */
export function withoutTrailingZeros(time: string): string {
  return time.replace(/(\.\d*?)0+(?=Z|[+-]\d\d:\d\d$)/, (_, kept: string) => (kept === "." ? "" : kept));
}
