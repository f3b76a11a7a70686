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

/**
 * A list with the newest first; what is of one moment stands by ID, so that the order is the same each time.
 * @param of when it was created, as {@link goTime} or dockerd writes it, and its ID
 */
export function newestFirst<T>(
  all: readonly T[],
  of: (each: T) => { readonly created: string; readonly id: string },
): T[] {
  return all
    .map((each) => ({ each, time: sortable(of(each).created), id: of(each).id }))
    .sort((a, b) => (a.time === b.time ? (a.id < b.id ? -1 : 1) : a.time < b.time ? 1 : -1))
    .map(({ each }) => each);
}

/** Go cuts trailing zeros of the fraction: without the `Z`, `05` sorts before `05.1`, to the nanosecond. */
function sortable(time: string): string {
  return time.replace(/Z$/, "");
}
