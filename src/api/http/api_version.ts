/** Versions of the Engine API, `1.41`. */

export type ApiVersion = `${number}.${number}`;

/** The newest that is spoken here. */
export const newestVersion: ApiVersion = "1.50";
export const oldestVersion: ApiVersion = "1.24";

/** Of versions with any number of parts; what is missing counts as 0. */
export function isAtLeast(version: string, other: string): boolean {
  const [ours, theirs] = [version.split(".").map(Number), other.split(".").map(Number)];
  for (let part = 0; part < Math.max(ours.length, theirs.length); part++) {
    const difference = (ours[part] ?? 0) - (theirs[part] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
