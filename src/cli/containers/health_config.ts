/** `--health-*` and `--no-healthcheck` as a container's `Healthcheck` (docker/cli, cli/command/container/opts.go). */
import { Failure } from "../../errors.ts";
import { nanoseconds } from "./nanoseconds.ts";

export interface HealthFlagValues {
  readonly "health-cmd": string | undefined;
  readonly "health-interval": string | undefined;
  readonly "health-retries": number | undefined;
  readonly "health-start-interval": string | undefined;
  readonly "health-start-period": string | undefined;
  readonly "health-timeout": string | undefined;
  readonly "no-healthcheck": boolean;
}

/** Undefined: the image's. Throws `Failure("invalid")` in Docker's words. */
export async function healthConfig(flags: HealthFlagValues): Promise<object | undefined> {
  const names = [
    "health-interval",
    "health-timeout",
    "health-start-period",
    "health-start-interval",
  ] as const;
  const given = names.some((name) => flags[name] !== undefined);
  const asked = given || flags["health-cmd"] !== undefined || flags["health-retries"] !== undefined;
  if (flags["no-healthcheck"]) {
    if (asked) throw new Failure("invalid", "--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!asked) return undefined;
  const [Interval, Timeout, StartPeriod, StartInterval] = await Promise.all(
    names.map((name) => nanoseconds(flags[name], `--${name}`)),
  );
  const Retries = flags["health-retries"] ?? 0;
  if (Retries < 0) throw new Failure("invalid", "--health-retries cannot be negative");
  const cmd = flags["health-cmd"] ?? "";
  return {
    ...(cmd !== "" && { Test: ["CMD-SHELL", cmd] }),
    ...(Interval !== 0 && { Interval }),
    ...(Timeout !== 0 && { Timeout }),
    ...(StartPeriod !== 0 && { StartPeriod }),
    ...(StartInterval !== 0 && { StartInterval }),
    ...(Retries !== 0 && { Retries }),
  };
}
