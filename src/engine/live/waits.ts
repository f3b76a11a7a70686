/** Those who wait for a container's end (Engine API, `wait`). */
import { Failure } from "../../errors.ts";
import type { ContainerRecord } from "../containers/record.ts";
import type { LiveContainer } from "./live_container.ts";
import type { ContainerExit, WaitCondition } from "./types.ts";
import { Waiters } from "./waiters.ts";

export class Waits {
  readonly #removals = new Waiters<ContainerExit>();
  readonly #nextRuns = new Waiters<LiveContainer>();

  /** @param live under this supervisor, if it is @param signal ends the wait with `cancelled` */
  async wait(
    record: ContainerRecord,
    live: LiveContainer | undefined,
    condition: WaitCondition,
    signal: AbortSignal,
  ): Promise<ContainerExit> {
    const { promise, resolve, reject } = Promise.withResolvers<ContainerExit>();
    const leave = this.#whenEnded(record, live, condition, resolve);
    if (leave === undefined) return { exitCode: record.State.ExitCode };
    const cancel = (): void => reject(new Failure("cancelled", `wait for container ${record.ID}: cancelled`));
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", cancel);
      leave();
    }
  }

  /** A container is under this supervisor from now on. */
  tellBegun(live: LiveContainer): void {
    this.#nextRuns.tell(live.id, live);
  }

  tellRemoved(id: string, exit: ContainerExit): void {
    this.#removals.tell(id, exit);
  }

  /** @returns how to be told no more; undefined: it has ended */
  #whenEnded(
    { ID, State }: ContainerRecord,
    live: LiveContainer | undefined,
    condition: WaitCondition,
    told: (exit: ContainerExit) => void,
  ): (() => void) | undefined {
    if (condition === "removed") return this.#removals.add(ID, told);
    if (live !== undefined && State.Running) return live.onExit(told);
    if (condition === "not-running") return undefined;
    let leave = (): void => undefined;
    const forget = this.#nextRuns.add(ID, (begun) => void (leave = begun.onExit(told)));
    return () => {
      forget();
      leave();
    };
  }
}
