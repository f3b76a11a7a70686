/** Checks one run of a container, again and again. */
import { setTimeout } from "node:timers/promises";
import { goTime } from "../../time.ts";
import type { RunningProbe } from "../exec/execs.ts";
import { nextCheck, type Healthcheck } from "./healthcheck.ts";
import type { HealthResult } from "./health_state.ts";
import { ProbeOutput } from "./probe_output.ts";

export interface HealthSubject {
  readonly check: Healthcheck;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  isStarting(): boolean;
  /** Resolves when the command runs. @throws Failure when it cannot be started */
  probe(output: ProbeOutput): Promise<RunningProbe>;
  /** @param age of the run when the check began, in milliseconds */
  take(result: HealthResult, age: number): Promise<void>;
}

export class HealthMonitor {
  readonly #subject: HealthSubject;
  readonly #stop = new AbortController();

  /** @param failed is told of what goes wrong with the books; the checks end then */
  constructor(subject: HealthSubject, failed: (error: Error) => void) {
    this.#subject = subject;
    this.#run().catch(failed);
  }

  /** A check that is under way is ended, and its result is not taken. */
  stop(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const { check, startedAt } = this.#subject;
    for (;;) {
      const wait = nextCheck(check, Date.now() - startedAt, this.#subject.isStarting());
      if (!(await this.#waited(wait))) return;
      const begun = Date.now();
      const result = await this.#check(begun);
      if (this.#stop.signal.aborted) return;
      await this.#subject.take(result, begun - startedAt);
    }
  }

  async #waited(milliseconds: number): Promise<boolean> {
    try {
      await setTimeout(milliseconds, undefined, { signal: this.#stop.signal, ref: false });
      return true;
    } catch {
      return false;
    }
  }

  /** Never rejects. */
  async #check(begun: number): Promise<HealthResult> {
    const result = (ExitCode: number, Output: string): HealthResult => ({
      Start: goTime(begun),
      End: goTime(Date.now()),
      ExitCode,
      Output,
    });
    const output = new ProbeOutput();
    try {
      const probe = await this.#subject.probe(output);
      const isInTime = await this.#inTime(probe);
      const code = await probe.exitCode;
      if (isInTime) return result(code, output.text);
      const said = output.text === "" ? "" : `: ${output.text}`;
      return result(-1, `Health check exceeded timeout (${goDuration(this.#subject.check.timeout)})${said}`);
    } catch (error) {
      return result(-1, (error as Error).message);
    }
  }

  /** Ends what takes too long, or nobody waits for any more. */
  async #inTime(probe: RunningProbe): Promise<boolean> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#stop.signal]);
    const late = setTimeout(this.#subject.check.timeout, "late", { signal, ref: false }).catch(
      () => "stopped",
    );
    const how = await Promise.race([probe.exitCode.then(() => "ended"), late]);
    over.abort();
    if (how !== "ended") await probe.kill();
    return how === "ended";
  }
}

/** As Go prints a duration: `1m30s`, `1.5s`, `250ms`. */
export function goDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const seconds = milliseconds / 1000;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = `${Math.round((seconds % 60) * 1e6) / 1e6}s`;
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${rest}`;
}
