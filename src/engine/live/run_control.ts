/**
 * Signals, and standing still. One at a time in a container, as Docker's daemon holds its lock over each (moby, daemon/kill.go,
 * pause.go, unpause.go): else a pause might come between a signal and the look at whether anybody hears it. Only the kill
 * waits for nothing, since it is the way out where a runtime hangs.
 */
import { Failure, isFailure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { readRecord, type ContainerRecord } from "../containers/record.ts";
import { pausedIn } from "../containers/record_changes.ts";
import { updateRecord } from "../containers/update_record.ts";
import type { EventBus } from "../events/event_bus.ts";
import { tellContainer } from "../events/tell_container.ts";
import type { Health } from "./health/health.ts";
import type { LiveSet } from "./live_set.ts";
import { notRunning } from "./not_running.ts";
import type { ContainerRun } from "./run.ts";
import { SIGKILL, stopSignalOf } from "./signals.ts";
import type { Turns } from "./turns.ts";

export interface RunControlParts {
  readonly store: Store;
  readonly events: EventBus;
  readonly set: Pick<LiveSet, "get" | "find" | "findRunning">;
  readonly health: Pick<Health, "pause" | "resume">;
  /** Of containers. */
  readonly turns: Turns;
}

export class RunControl {
  readonly #parts: RunControlParts;

  constructor(parts: RunControlParts) {
    this.#parts = parts;
  }

  /** One that has ended by itself meanwhile is no failure. */
  async signal(record: ContainerRecord, signal: number): Promise<void> {
    const { store, set, events } = this.#parts;
    const { ID } = record;
    const send = async (): Promise<void> => {
      const run = set.get(ID)?.run;
      if (run !== undefined)
        await unlessEnded(run, () => (signal === SIGKILL ? run.task.end() : run.task.kill(signal)));
      tellContainer(events, "kill", record, { signal: String(signal) });
      if (run === undefined || signal === SIGKILL || !endsIt(record, signal)) return;
      // What waits for the container to go on would never be heard.
      const now = readRecord(store.root, ID);
      if (now?.State.Paused === true) await unlessEnded(run, () => this.#goOn(now, run));
    };
    await (signal === SIGKILL ? send() : this.#parts.turns.take(ID, send));
  }

  async pause(text: string): Promise<void> {
    const { set, events, health } = this.#parts;
    const { ID } = await set.find(text);
    await this.#parts.turns.take(ID, async () => {
      const { record, run } = await set.findRunning(ID, "pause");
      if (record.State.Paused) throw new Failure("conflict", `Container ${ID} is already paused`);
      await run.whileRunning((task) => task.pause());
      await this.#record(run, true);
      await health.pause(ID);
      tellContainer(events, "pause", record);
    });
  }

  async unpause(text: string): Promise<void> {
    const { set } = this.#parts;
    const { ID } = await set.find(text);
    await this.#parts.turns.take(ID, async () => {
      const { State } = await set.find(ID);
      if (!State.Paused) throw new Failure("conflict", `Container ${ID} is not paused`);
      const { record, run } = await set.findRunning(ID, "unpause");
      await this.#goOn(record, run);
    });
  }

  /**
   * Runs `work` while the container stands still, if it runs and does not stand still anyway (moby, daemon/commit.go). It may
   * end meanwhile, and others may make it go on.
   */
  async whilePaused<T>(text: string, work: () => Promise<T>): Promise<T> {
    const isOurs = await this.pause(text).then(() => true, unlessConflict);
    try {
      return await work();
    } finally {
      if (isOurs) await this.unpause(text).catch(unlessConflict);
    }
  }

  async #goOn(record: ContainerRecord, run: ContainerRun): Promise<void> {
    const { events, health } = this.#parts;
    await run.whileRunning((task) => task.resume());
    await this.#record(run, false);
    health.resume(record.ID);
    tellContainer(events, "unpause", record);
  }

  /** A run that is over is not said to stand still, nor the one after it. */
  async #record(run: ContainerRun, isPaused: boolean): Promise<void> {
    const { id, pid } = { id: run.task.id, pid: run.pid };
    const now = await updateRecord(this.#parts.store, id, pausedIn(pid, isPaused));
    if (now?.State.Pid !== pid) throw notRunning(id);
  }
}

/** What does not run needs not stand still. */
function unlessConflict(error: unknown): false {
  if (isFailure(error, "conflict") || isFailure(error, "not-found")) return false;
  throw error;
}

/** A step on a run whose end is no failure. */
async function unlessEnded(run: ContainerRun, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(await run.hasEnded())) throw error;
  }
}

/** Whether it is the signal by which the container is to end; without one of its own any is (moby, daemon/kill.go). */
function endsIt({ Config }: ContainerRecord, signal: number): boolean {
  return !Config.StopSignal || signal === stopSignalOf(Config);
}
