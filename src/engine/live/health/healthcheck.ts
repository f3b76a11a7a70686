/** `Config.Healthcheck` with Docker's defaults (moby, daemon/health.go). */
import type { ContainerConfig } from "../../../oci/index.ts";

export interface Healthcheck {
  readonly command: readonly string[];
  /** Milliseconds, as the others. */
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  /** Failures in a row after which a container counts as unhealthy. */
  readonly retries: number;
}

/** Undefined: there is none, or `NONE`. */
export function healthcheckOf(config: ContainerConfig): Healthcheck | undefined {
  const given = config.Healthcheck as Readonly<Record<string, unknown>> | null | undefined;
  const [kind, ...words] = (given?.["Test"] ?? []) as readonly string[];
  if (words.length === 0 || (kind !== "CMD" && kind !== "CMD-SHELL")) return undefined;
  const shell = (config["Shell"] as readonly string[] | null | undefined) ?? [];
  const before = kind === "CMD" ? [] : shell.length > 0 ? shell : ["/bin/sh", "-c"];
  const milliseconds = (name: string, otherwise: number): number =>
    (Number(given?.[name]) || 0) / 1e6 || otherwise;
  const retries = Number(given?.["Retries"]) || 0;
  return {
    command: [...before, ...words],
    interval: milliseconds("Interval", 30_000),
    timeout: milliseconds("Timeout", 30_000),
    startPeriod: milliseconds("StartPeriod", 0),
    startInterval: milliseconds("StartInterval", 5000),
    retries: retries > 0 ? retries : 3,
  };
}

/** When the next check is due, in milliseconds from now. @param age of the run */
export function nextCheck(
  { interval, startPeriod, startInterval }: Healthcheck,
  age: number,
  starting: boolean,
): number {
  const left = startPeriod - age;
  if (left <= 0) return interval;
  if (left < interval && left < startInterval) return left;
  return starting ? Math.min(startInterval, left) : Math.min(interval, left);
}
