/** Times as Go prints them. */

/** RFC 3339 in UTC with trailing zeros of the fraction cut. Milliseconds since 1970. */
export function goTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.?0+Z$/, "Z");
}
