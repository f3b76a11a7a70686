/** Nanoseconds since 1970 in RFC 3339 and UTC, as Go prints them. */

/** Of this moment, exact to a microsecond: also the times in logs. */
export function nanoNow(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

/** With all nine digits of the fraction (`2006-01-02T15:04:05.000000000Z`). */
export function fixedNanoTime(time: bigint): string {
  return `${secondOf(time)}.${fractionOf(time)}Z`;
}

/** Without zeros at the end of the fraction (`time.RFC3339Nano`). */
export function goNanoTime(time: bigint): string {
  const fraction = fractionOf(time).replace(/0+$/, "");
  return `${secondOf(time)}${fraction === "" ? "" : `.${fraction}`}Z`;
}

function secondOf(time: bigint): string {
  return new Date(Number(time / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
}

function fractionOf(time: bigint): string {
  return String(time % 1_000_000_000n).padStart(9, "0");
}
