/** Go's durations: `1h30m`, `1.5s` (time.ParseDuration). */

const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Nanoseconds, rounded as they fit into a number; undefined where `text` is no duration or over Go's 292 years. */
export function parseDuration(text: string): number | undefined {
  const [, sign, amount = ""] = /^([+-]?)(.*)$/su.exec(text) ?? [];
  if (amount === "0") return 0;
  let [sum, end] = [0, 0];
  for (const [all, number, unit] of amount.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy)) {
    sum += Math.trunc(Number(number) * (units[unit as string] as number));
    end += all.length;
  }
  if (end === 0 || end < amount.length || sum > 2 ** 63) return undefined;
  return sign === "-" ? -sum : sum;
}
