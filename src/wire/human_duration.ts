/** Durations as Docker prints them (docker/go-units, duration.go). */

/** A rough duration of `seconds`: `About an hour`, `34 minutes`, `2 weeks`. */
export function humanDuration(seconds: number): string {
  const whole = Math.trunc(seconds);
  const minutes = Math.trunc(seconds / 60);
  const hours = Math.trunc(seconds / 3600 + 0.5);
  const count = (divisor: number, unit: string): string => `${Math.trunc(hours / divisor)} ${unit}`;
  if (whole < 1) return "Less than a second";
  if (whole === 1) return "1 second";
  if (whole < 60) return `${whole} seconds`;
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return count(24, "days");
  if (hours < 24 * 30 * 2) return count(24 * 7, "weeks");
  if (hours < 24 * 365 * 2) return count(24 * 30, "months");
  return `${Math.trunc(Math.trunc(seconds / 3600) / 24 / 365)} years`;
}
