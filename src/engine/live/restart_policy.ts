/** Whether and when an ended container is started again (moby, restartmanager/restartmanager.go). */
import type { HostConfig } from "../containers/record.ts";

const firstWait = 100;
const longestWait = 60_000;
/** A run of this many milliseconds counts as a success: the next wait is short again. */
const longEnough = 10_000;

/** Counts the runs of one container under one supervisor. */
export class RestartPolicy {
  #wait = 0;

  /**
   * @param run how the run went; `stopped`: somebody stopped it, who wants it to stay so
   * @param failures restarts so far, the record's `RestartCount`
   * @returns milliseconds until the next start; undefined: none
   */
  next(
    policy: RestartPolicySetting,
    run: { readonly exitCode: number; readonly milliseconds: number; readonly stopped: boolean },
    failures: number,
  ): number | undefined {
    if (run.stopped || !this.#applies(policy, run.exitCode, failures)) return undefined;
    const short = run.milliseconds < longEnough;
    this.#wait = short && this.#wait > 0 ? Math.min(this.#wait * 2, longestWait) : firstWait;
    return this.#wait;
  }

  #applies({ Name, MaximumRetryCount }: RestartPolicySetting, exitCode: number, failures: number): boolean {
    if (Name === "always" || Name === "unless-stopped") return true;
    if (Name !== "on-failure" || exitCode === 0) return false;
    return MaximumRetryCount === 0 || failures < MaximumRetryCount;
  }
}

export interface RestartPolicySetting {
  readonly Name: string;
  readonly MaximumRetryCount: number;
}

export function restartPolicyOf(hostConfig: HostConfig): RestartPolicySetting {
  const { Name = "", MaximumRetryCount = 0 } =
    (hostConfig["RestartPolicy"] as Partial<RestartPolicySetting> | undefined) ?? {};
  return { Name: Name === "" ? "no" : Name, MaximumRetryCount };
}

/** Whether a daemon that begins starts the container, which ran or was to run when its predecessor ended. */
export function startsWithDaemon(policy: RestartPolicySetting, stopped: boolean): boolean {
  return policy.Name === "always" || (policy.Name === "unless-stopped" && !stopped);
}
