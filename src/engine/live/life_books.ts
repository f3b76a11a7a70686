/** What is on record of one container that is supervised, and the telling of what happens to it. */
import { Failure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { readHostConfig, readRecord, type ContainerRecord, type HostConfig } from "../containers/record.ts";
import type { RecordChange } from "../containers/record_changes.ts";
import { updateRecord } from "../containers/update_record.ts";
import type { EventBus } from "../events/event_bus.ts";
import { tellContainer } from "../events/tell_container.ts";

export class LifeBooks {
  readonly #store: Store;
  readonly #events: EventBus;
  readonly #id: string;

  constructor({ store, events }: { readonly store: Store; readonly events: EventBus }, id: string) {
    this.#store = store;
    this.#events = events;
    this.#id = id;
  }

  /** @throws Failure("not-found") in Docker's words */
  read(): ContainerRecord {
    const record = this.find();
    if (record === undefined) throw new Failure("not-found", `No such container: ${this.#id}`);
    return record;
  }

  /** Undefined: it has gone. */
  find(): ContainerRecord | undefined {
    return readRecord(this.#store.root, this.#id);
  }

  hostConfig(): HostConfig {
    return readHostConfig(this.#store.root, this.#id);
  }

  /** One that has gone is no failure. */
  async change(change: RecordChange): Promise<void> {
    await updateRecord(this.#store, this.#id, change);
  }

  /** Nothing is told of one that has gone. */
  tell(action: string, more: Readonly<Record<string, string>> = {}): void {
    const record = this.find();
    if (record !== undefined) tellContainer(this.#events, action, record, more);
  }
}
