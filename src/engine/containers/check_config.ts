/** What a container's config must be, in Docker's words (moby, daemon/container.go, `validateContainerConfig`). */
import { posix } from "node:path";
import { Failure } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import { signalNumber } from "../live/signals.ts";

/** @throws Failure("invalid") */
export function checkConfig(config: ContainerConfig): void {
  const { WorkingDir = "", StopSignal = "", Env } = config;
  if (WorkingDir !== "" && !posix.isAbsolute(WorkingDir)) {
    throw invalid(`the working directory '${WorkingDir}' is invalid, it needs to be an absolute path`);
  }
  // A number may be any; whether the kernel has it is seen when it is sent.
  if (!/^0*[1-9]\d*$/.test(StopSignal) && StopSignal !== "") signalNumber(StopSignal);
  for (const text of Env ?? []) {
    if (text === "" || text.startsWith("=")) throw invalid(`invalid environment variable: ${text}`);
  }
  checkHealth((config.Healthcheck ?? {}) as Readonly<Record<string, unknown>>);
}

/** Nanoseconds. */
const shortest = 1_000_000;

function checkHealth(health: Readonly<Record<string, unknown>>): void {
  for (const name of ["Interval", "Timeout", "StartPeriod", "StartInterval"]) {
    const value = Number(health[name] ?? 0);
    if (value !== 0 && value < shortest) throw invalid(`${name} in Healthcheck cannot be less than 1ms`);
  }
  if (Number(health["Retries"] ?? 0) < 0) throw invalid("Retries in Healthcheck cannot be negative");
}

function invalid(message: string): Failure {
  return new Failure("invalid", message);
}
