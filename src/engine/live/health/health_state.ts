/** What checks have made of a container: `State.Health` (moby, daemon/health.go, `handleProbeResult`). */
import type { Healthcheck } from "./healthcheck.ts";

export interface HealthResult {
  /** RFC 3339. */
  readonly Start: string;
  readonly End: string;
  /** 0: well. -1: the check could not be made, or took too long. */
  readonly ExitCode: number;
  readonly Output: string;
}

export interface HealthState {
  readonly Status: "starting" | "healthy" | "unhealthy";
  readonly FailingStreak: number;
  readonly Log: readonly HealthResult[];
}

const keptResults = 5;

/** Of a run that begins; what earlier ones have told stays to be read. */
export function startingHealth(before: HealthState | null): HealthState {
  return { Status: "starting", FailingStreak: 0, Log: before?.Log ?? [] };
}

/** Nobody looks any more: for Docker that is not healthy. */
export function endedHealth<T extends object | null>(health: T): T {
  return health === null ? health : { ...health, Status: "unhealthy" };
}

/** @param age of the run when the check began, in milliseconds */
export function afterCheck(
  before: HealthState,
  result: HealthResult,
  { retries, startPeriod }: Healthcheck,
  age: number,
): HealthState {
  const Log = [...before.Log, result].slice(-keptResults);
  if (result.ExitCode === 0) return { Status: "healthy", FailingStreak: 0, Log };
  const isForgiven = before.Status === "starting" && age < startPeriod;
  const FailingStreak = before.FailingStreak + (isForgiven ? 0 : 1);
  return { Status: FailingStreak >= retries ? "unhealthy" : before.Status, FailingStreak, Log };
}
