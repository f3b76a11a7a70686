/** Versions of the Engine API, `1.41`. */

export type ApiVersion = `${number}.${number}`;

/** The newest that is spoken here. */
export const newestVersion: ApiVersion = "1.50";
export const oldestVersion: ApiVersion = "1.24";

export function isAtLeast(version: ApiVersion, other: ApiVersion): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split(".").map(Number);
  return major > otherMajor || (major === otherMajor && minor >= otherMinor);
}
