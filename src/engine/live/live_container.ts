/** The life of one container under this supervisor: runs, restarts, stops; until it is stopped for good. */
import { isFailure } from "../../errors.ts";
import { isDiskFull } from "../../store/index.ts";
import type { KeptExit } from "../containers/kept_exit.ts";
import type { ContainerRecord } from "../containers/record.ts";
import {
  ended,
  healthWatched,
  notRestarted,
  restarting,
  running,
  startedByHand,
  stillRunning,
  unknownExit,
} from "../containers/record_changes.ts";
import { recordFailure } from "../containers/record_failure.ts";
import { removeSupervised } from "../containers/remove.ts";
import { settleRun, type Recorded } from "../containers/settle.ts";
import { checkStartable } from "../containers/start.ts";
import { whileSupervising } from "../containers/supervision.ts";
import { tellContainer } from "../events/tell_container.ts";
import { goTime } from "../time.ts";
import { tellUnmounted } from "../volumes/volume_events.ts";
import { InterruptibleWait } from "./interruptible_wait.ts";
import { LifeBooks } from "./life_books.ts";
import type { LiveContext } from "./live_context.ts";
import { RestartPolicy, restartPolicyOf } from "./restart_policy.ts";
import { ContainerRun } from "./run.ts";
import type { ConnectedNetwork, ContainerExit } from "./types.ts";

export class LiveContainer {
  readonly id: string;
  /** Settled when this supervisor has nothing more to do with the container. */
  readonly ended: Promise<void>;
  readonly #context: LiveContext;
  readonly #books: LifeBooks;
  readonly #policy = new RestartPolicy();
  /** Until the next run. */
  readonly #wait = new InterruptibleWait();
  readonly #exits = new Set<(exit: ContainerExit) => void>();
  /** Of the last run that has ended. */
  lastExitCode = 0;
  /** Whether somebody starts it anew when it ends: so it stays, also with `AutoRemove` (moby, daemon/restart.go). */
  isRestarted = false;
  #run: ContainerRun | undefined;
  #restart: Promise<void> | undefined;
  #stopped = false;
  /** Whether {@link #pause} is that after the last run. */
  #isDecided = false;
  /** Milliseconds until the next run; undefined: there is none. */
  #pause: number | undefined;
  #recorded: Recorded = "written";
  #left = false;

  private constructor(context: LiveContext, id: string, life: (self: LiveContainer) => Promise<void>) {
    this.#context = context;
    this.#books = new LifeBooks(context, id);
    this.id = id;
    this.ended = life(this).catch((error: Error) => {
      // The end is one, whatever could not be done about it.
      if (!this.#left) this.#tellExit({ exitCode: this.lastExitCode, error: error.message });
      throw error;
    });
    this.ended.catch(() => undefined);
  }

  /**
   * Starts the container and keeps at it. Resolves when it runs.
   * @throws Failure in Docker's words when it cannot be started; its record then says why
   */
  static start(context: LiveContext, id: string): Promise<LiveContainer> {
    return LiveContainer.#begun(context, id, (self, begun) => self.#live(begun));
  }

  /** Goes on with one that runs, or was to be restarted, when its supervisor ended. */
  static resume(context: LiveContext, id: string): Promise<LiveContainer> {
    return LiveContainer.#begun(context, id, (self, begun) => self.#goOn(begun));
  }

  static async #begun(
    context: LiveContext,
    id: string,
    life: (self: LiveContainer, begun: () => void) => Promise<void>,
  ): Promise<LiveContainer> {
    const begun = Promise.withResolvers<void>();
    const container = new LiveContainer(context, id, (self) => life(self, begun.resolve));
    // A failure of its later life is no failure of the start.
    container.ended.catch(begun.reject);
    await begun.promise;
    return container;
  }

  /** Undefined between two runs. */
  get run(): ContainerRun | undefined {
    return this.#run;
  }

  /** A start by its restart policy, while it goes on. */
  get restart(): Promise<void> | undefined {
    return this.#restart;
  }

  /** The next end of a run; the end of a pause between two runs is none. */
  nextExit(): Promise<ContainerExit> {
    return new Promise((resolve) => void this.onExit(resolve));
  }

  /** As {@link nextExit}. @returns how to be told no more */
  onExit(told: (exit: ContainerExit) => void): () => void {
    this.#exits.add(told);
    return () => void this.#exits.delete(told);
  }

  /** It is not to be restarted when it ends, and not if it waits for that. */
  stayDown(): void {
    this.#stopped = true;
    this.#wait.interrupt();
  }

  /** Leaves the container to run on without this supervisor. */
  async leave(): Promise<void> {
    this.#left = true;
    this.#wait.interrupt();
    await this.#restart?.catch(() => undefined);
    this.#run?.leave();
    await this.ended.catch(() => undefined);
  }

  #live(begun: () => void): Promise<void> {
    const { store } = this.#context;
    return whileSupervising(store, this.id, async () => {
      const record = this.#books.read();
      checkStartable(record);
      await settleRun(store, this.id);
      if (record["RestartCount"] || record["HasBeenManuallyStopped"]) await this.#books.change(startedByHand);
      await this.#begin(true);
      begun();
      await this.#keepUp();
    });
  }

  #goOn(begun: () => void): Promise<void> {
    const { store, networking } = this.#context;
    return whileSupervising(store, this.id, async () => {
      const record = this.#books.find();
      if (record === undefined) return begun();
      this.#stopped = record["HasBeenManuallyStopped"] === true;
      const parts = this.#partsOf(record);
      const run = await ContainerRun.resume(parts);
      if (run === undefined) await this.#settle(record);
      else await this.#running(run, record, false, await networking?.resume(record, parts.hostConfig));
      begun();
      await this.#keepUp();
    });
  }

  /** Of a run that is over or never was: puts down how it ended, unless that is known. */
  #settle(record: ContainerRecord): Promise<void> {
    return settleRun(this.#context.store, this.id, async (exit) => {
      if (isUnrecorded(record, exit)) await this.#afterRun(exit ?? unknownExit(), await this.#disconnect());
      return this.#recorded;
    });
  }

  /** Supervises run after run. */
  async #keepUp(): Promise<void> {
    for (;;) {
      if (this.#run !== undefined) await this.#supervise(this.#run);
      if (this.#left) return;
      const wait = await this.#nextStart();
      if (wait === undefined) return this.#finish();
      if (!(await this.#wait.pass(wait))) return this.#left ? undefined : this.#finish();
      this.#restart = this.#begin(false);
      try {
        await this.#restart;
      } catch (error) {
        this.#context.warn(`container ${this.id} could not be restarted: ${(error as Error).message}`);
        this.#tellExit({ exitCode: 125, error: (error as Error).message });
        return this.#finish();
      } finally {
        this.#restart = undefined;
      }
    }
  }

  async #begin(byHand: boolean): Promise<void> {
    const { store, networking, warn } = this.#context;
    const record = this.#books.read();
    const hostConfig = this.#books.hostConfig();
    try {
      const network = await networking?.connect(record, hostConfig);
      // Its failure is met where the run waits for it, which may be later, or never.
      network?.connected.catch(() => undefined);
      const run = await ContainerRun.begin(this.#partsOf(record, hostConfig), network, warn);
      await this.#running(run, record, byHand, await network?.connected);
    } catch (error) {
      await this.#endUnrecorded();
      const tell = await networking?.disconnect(this.id).catch(() => undefined);
      tell?.();
      this.#context.streamsOf(record).end();
      await recordFailure(store, this.id, error).catch((failure: Error) => warn(failure.message));
      if (byHand && hostConfig.AutoRemove) await this.#remove();
      throw error;
    }
  }

  /** One that runs, and cannot be put down. */
  async #endUnrecorded(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined) return;
    await run.task.end().catch(() => undefined);
    await run.ended.catch(() => run.abandon());
    await ContainerRun.forget(this.#context.store, this.id);
  }

  #partsOf(record: ContainerRecord, hostConfig = this.#books.hostConfig()) {
    const { store, events } = this.#context;
    const log = this.#context.openLog(record, hostConfig);
    return { store, record, hostConfig, events, log, streams: this.#context.streamsOf(record) };
  }

  /** @param begins whether somebody started it just now */
  async #running(
    run: ContainerRun,
    record: ContainerRecord,
    begins: boolean,
    network?: Pick<ConnectedNetwork, "settings">,
  ): Promise<void> {
    this.#run = run;
    const { pid, isPaused } = run;
    const settings = network?.settings;
    const isKnown = record.State.Running && record.State.Pid === pid;
    if (!isKnown) {
      const change = running({ pid, isPaused, settings });
      await this.#books.change((now) => healthWatched(change(now)));
    } else if (settings !== undefined || record.State.Paused !== isPaused)
      await this.#books.change(stillRunning({ isPaused, settings }));
    if (begins || !isKnown) this.#books.tell("start");
    this.#context.onRunning(this, run, !isKnown);
  }

  async #supervise(run: ContainerRun): Promise<void> {
    let exit: KeptExit | undefined;
    // It takes as long as all else that is to be taken away.
    const disconnecting = run.exited.then(
      () => this.#disconnect(),
      () => undefined,
    );
    try {
      exit = await run.ended;
    } catch (error) {
      if (this.#left && isFailure(error, "cancelled")) return;
      // Its shim has gone; what it left is taken away, its code is lost.
      this.#context.warn(`container ${this.id}: ${(error as Error).message}`);
      run.abandon();
      return settleRun(this.#context.store, this.id, async (known) => {
        await this.#afterRun(known ?? { ...unknownExit(), status: 137 }, await this.#disconnect());
        return this.#recorded;
      });
    }
    await this.#afterRun(exit, (await disconnecting) ?? (await this.#disconnect()));
  }

  /** @returns tells of it */
  async #disconnect(): Promise<() => void> {
    const { networking, warn } = this.#context;
    try {
      return (await networking?.disconnect(this.id)) ?? (() => undefined);
    } catch (error) {
      // What is left stays on record there, for the next start or the next daemon.
      warn(`container ${this.id}: ${(error as Error).message}`);
      return () => undefined;
    }
  }

  async #afterRun(exit: KeptExit, tellDisconnected: () => void): Promise<void> {
    this.#run = undefined;
    this.lastExitCode = exit.status;
    const writing = this.#books.change((now) => this.#decide(ended(exit)(now)));
    this.#recorded = await writing.then((): Recorded => "written", unlessFull);
    if (exit.oomKilled) this.#books.tell("oom");
    this.#books.tell("die", { exitCode: String(exit.status) });
    tellDisconnected();
    const record = this.#books.find();
    if (record !== undefined) tellUnmounted(this.#context.events, record);
  }

  /** Milliseconds until the container is started again; the record says so. Undefined: it is not. */
  async #nextStart(): Promise<number | undefined> {
    if (this.#recorded === "unwritten") {
      this.#tellExit({ exitCode: this.lastExitCode });
      return undefined;
    }
    // A predecessor has put down the end, and was killed before it could do more.
    if (!this.#isDecided) await this.#books.change((now) => this.#decide(now));
    this.#isDecided = false;
    await ContainerRun.forget(this.#context.store, this.id);
    this.#tellExit({ exitCode: this.#books.read().State.ExitCode });
    return this.#pause;
  }

  /** Whether and when it is started again. @param over the record when its run is over @returns what it says then */
  #decide(over: ContainerRecord): ContainerRecord {
    const { StartedAt, FinishedAt, ExitCode: exitCode, Restarting } = over.State;
    // A predecessor was killed while it waited for this restart, which is counted.
    const failures = Number(over["RestartCount"] ?? 0) - (Restarting ? 1 : 0);
    const milliseconds = Date.parse(FinishedAt) - Date.parse(StartedAt);
    const lastRun = { exitCode, milliseconds, stopped: this.#stopped };
    this.#pause = this.#policy.next(restartPolicyOf(this.#books.hostConfig()), lastRun, failures);
    this.#isDecided = true;
    return this.#pause === undefined ? over : restarting(failures + 1)(over);
  }

  async #finish(): Promise<void> {
    const record = this.#books.find();
    if (record === undefined) return;
    if (record.State.Restarting) await this.#books.change(notRestarted);
    if (this.#books.hostConfig().AutoRemove && !this.isRestarted) await this.#remove();
  }

  async #remove(): Promise<void> {
    const record = this.#books.read();
    const { store, events } = this.#context;
    await removeSupervised(store, this.id, { volumes: true, events });
    tellContainer(events, "destroy", record);
  }

  #tellExit(exit: ContainerExit): void {
    for (const resolve of this.#exits) resolve(exit);
    this.#exits.clear();
  }
}

/** The bundle still has the end then, for whoever reads the record. */
function unlessFull(error: unknown): Recorded {
  if (isDiskFull(error)) return "unwritten";
  throw error;
}

/** Whether a run has ended that the record says nothing of, or something else. */
function isUnrecorded({ State }: ContainerRecord, exit: KeptExit | undefined): boolean {
  if (State.Running && !State.Restarting) return true;
  return exit !== undefined && State.FinishedAt !== goTime(exit.exitedAt.getTime());
}
