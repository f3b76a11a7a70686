/** The health checks of all containers under one supervisor (behaviour B178). */
import type { Store } from "../../../store/index.ts";
import { readRecord, type ContainerRecord } from "../../containers/record.ts";
import { updateRecord } from "../../containers/update_record.ts";
import type { EventBus } from "../../events/event_bus.ts";
import { tellContainer } from "../../events/tell_container.ts";
import type { Execs } from "../exec/execs.ts";
import type { ContainerRun } from "../run.ts";
import { healthcheckOf } from "./healthcheck.ts";
import { HealthMonitor } from "./health_monitor.ts";
import { afterCheck, endedHealth, type HealthState } from "./health_state.ts";

export interface HealthContext {
  readonly store: Store;
  readonly events: EventBus;
  readonly execs: Execs;
  warn(text: string): void;
}

export class Health {
  readonly #context: HealthContext;
  readonly #monitors = new Map<string, HealthMonitor>();

  constructor(context: HealthContext) {
    this.#context = context;
  }

  /** A run began, or goes on under this supervisor; its record says so. It is checked until it ends or is left. */
  begin(id: string, run: ContainerRun): void {
    if (this.#record(id)?.State.Paused === false) this.resume(id);
    const ended = (): void => {
      this.#monitors.get(id)?.stop();
      this.#monitors.delete(id);
    };
    run.ended.then(ended, ended);
  }

  /** The container stands still, and is not healthy until it is checked again. */
  async pause(id: string): Promise<void> {
    this.#monitors.get(id)?.stop();
    this.#monitors.delete(id);
    await this.#update(id, endedHealth);
  }

  resume(id: string): void {
    const record = this.#record(id);
    const check = record && healthcheckOf(record.Config);
    if (record === undefined || check === undefined) return;
    this.#monitors.get(id)?.stop();
    const monitor = new HealthMonitor(
      {
        check,
        startedAt: Date.parse(record.State.StartedAt),
        isStarting: () => (this.#record(id)?.State.Health as HealthState | null)?.Status === "starting",
        probe: (output) => this.#context.execs.probe(record, check.command, output),
        take: (result, age) => this.#take(id, monitor, (before) => afterCheck(before, result, check, age)),
      },
      (error) => this.#context.warn(`health of container ${id}: ${error.message}`),
    );
    this.#monitors.set(id, monitor);
  }

  async #take(
    id: string,
    monitor: HealthMonitor,
    change: (before: HealthState) => HealthState,
  ): Promise<void> {
    const seen = { before: "", after: "" };
    const record = await this.#update(id, (before) => {
      // It was paused or has ended meanwhile.
      if (this.#monitors.get(id) !== monitor) return before;
      const after = change(before);
      Object.assign(seen, { before: before.Status, after: after.Status });
      return after;
    });
    if (record === undefined || seen.after === seen.before) return;
    tellContainer(this.#context.events, `health_status: ${seen.after}`, record);
  }

  #update(id: string, change: (health: HealthState) => HealthState): Promise<ContainerRecord | undefined> {
    return updateRecord(this.#context.store, id, (record) => {
      const health = record.State.Health as HealthState | null;
      if (health === null) return record;
      return { ...record, State: { ...record.State, Health: change(health) } };
    });
  }

  #record(id: string): ContainerRecord | undefined {
    return readRecord(this.#context.store.root, id);
  }
}
