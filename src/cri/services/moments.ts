/** Times as the CRI has them: nanoseconds since 1970. */

/** @param time RFC 3339; Go's zero time counts as never, which is 0 */
export function nanoseconds(time: string): bigint {
  const seconds = Date.parse(`${time.slice(0, 19)}Z`) / 1000;
  if (Number.isNaN(seconds) || seconds < 0) return 0n;
  const fraction = /\.(\d{1,9})/.exec(time)?.[1] ?? "";
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

export function now(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}
