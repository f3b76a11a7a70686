/** The containers that are under one supervisor by now, and how they are found. */
import { isFailure } from "../../errors.ts";
import { ShimTask } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { bundleDirectory } from "../containers/bundle.ts";
import { findRecord, type ContainerRecord } from "../containers/record.ts";
import { reconcile } from "../containers/state.ts";
import type { LiveContainer } from "./live_container.ts";
import { notRunning } from "./not_running.ts";
import type { ContainerRun } from "./run.ts";
import { succeeds, within } from "./within.ts";

export interface LiveSetContext {
  readonly store: Store;
  warn(text: string): void;
  begun(live: LiveContainer): void;
  /** This supervisor has nothing more to do with it. */
  left(live: LiveContainer): void;
}

export class LiveSet {
  readonly #context: LiveSetContext;
  readonly #live = new Map<string, LiveContainer>();
  /** Those that do not run yet. */
  readonly #starting = new Map<string, Promise<LiveContainer>>();
  /** Those that do not run, and are taken away. */
  readonly #going = new Map<string, Promise<void>>();

  constructor(context: LiveSetContext) {
    this.#context = context;
  }

  get(id: string): LiveContainer | undefined {
    return this.#live.get(id);
  }

  all(): LiveContainer[] {
    return [...this.#live.values()];
  }

  /** One that runs, though its start may not have come to its end. */
  add(live: LiveContainer): void {
    this.#live.set(live.id, live);
  }

  /** Whether somebody starts it or takes it away, or it is another one than `before` by now. */
  isTaken(id: string, before: LiveContainer | undefined): boolean {
    const now = this.#live.get(id);
    return this.#starting.has(id) || this.#going.has(id) || (now !== undefined && now !== before);
  }

  /** Takes it away by `remove`; nobody starts it until that is over. For one that is not taken ({@link isTaken}). */
  async takeAway(id: string, remove: () => Promise<void>): Promise<void> {
    const going = remove();
    this.#going.set(id, going);
    await going.finally(() => this.#going.delete(id));
  }

  /** Has it from its start to its end. Resolves, or fails, with the start. */
  async keep(id: string, starting: Promise<LiveContainer>): Promise<void> {
    this.#starting.set(id, starting);
    const live = await starting.finally(() => this.#starting.delete(id));
    this.add(live);
    this.#context.begun(live);
    void live.ended
      .catch((error: unknown) => {
        if (!isFailure(error, "cancelled"))
          this.#context.warn(`container ${id}: ${(error as Error).message}`);
      })
      .then(() => {
        if (this.#live.get(id) === live) this.#live.delete(id);
        this.#context.left(live);
      });
  }

  /** By ID, name or ID prefix. Throws `Failure("not-found")`: `No such container: x`. */
  async find(text: string): Promise<ContainerRecord> {
    const record = await findRecord(this.#context.store.root, text);
    return this.#live.has(record.ID) ? record : reconcile(this.#context.store, record);
  }

  /**
   * As {@link find}, once a start or a removal that goes on has come to its end.
   * @param patience seconds after which a start that hangs is made to fail; -1 for ever
   */
  async findStarted(text: string, patience = -1): Promise<ContainerRecord> {
    const record = await this.find(text);
    const going = this.#going.get(record.ID);
    if (going !== undefined) {
      await succeeds(going);
      return this.findStarted(record.ID, patience);
    }
    return (await this.startOver(record.ID, patience)) ? this.find(record.ID) : record;
  }

  /**
   * Waits until a start that goes on, by hand or by a restart policy, has come to its end. Whoever has told a container to
   * stay down knows after it whether there is a run to end.
   * @param patience as of {@link findStarted} @returns whether one went on
   */
  async startOver(id: string, patience = -1): Promise<boolean> {
    const starting = this.#starting.get(id) ?? this.#live.get(id)?.restart;
    if (starting === undefined) return false;
    const over = succeeds(starting);
    if (!(await within(patience, over))) {
      await ShimTask.killShimIn(bundleDirectory(this.#context.store.root, id));
      await over;
    }
    return true;
  }

  /** @param verb for which it has to run @throws Failure("conflict") in Docker's words for one that does not */
  async findRunning(text: string, verb: string): Promise<{ record: ContainerRecord; run: ContainerRun }> {
    const record = await this.find(text);
    const run = this.#live.get(record.ID)?.run;
    if (run !== undefined) return { record, run };
    throw notRunning(record.ID, { hint: `${verb} needs a running container` });
  }
}
