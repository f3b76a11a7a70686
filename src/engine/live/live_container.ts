/** The life of one container under this supervisor: runs, restarts, stops; until it is stopped for good. */
import { Failure, isFailure } from "../../errors.ts";
import type { LogWriter } from "../../runtime/index.ts";
import { readHostConfig, readRecord, type ContainerRecord, type HostConfig } from "../containers/record.ts";
import type { KeptExit } from "../containers/kept_exit.ts";
import { removeSupervised } from "../containers/remove.ts";
import { settleRun, type Recorded } from "../containers/settle.ts";
import { checkStartable, recordFailure } from "../containers/start.ts";
import { updateRecord } from "../containers/update_record.ts";
import { whileSupervising } from "../containers/supervision.ts";
import { endedSettings } from "../networks/endpoint_settings.ts";
import type { EventBus } from "../events/event_bus.ts";
import { isDiskFull, type Store } from "../../store/index.ts";
import { goTime } from "../time.ts";
import { attributesOf } from "./attributes.ts";
import type { ContainerStreams } from "./container_streams.ts";
import { healthcheckOf } from "./health/healthcheck.ts";
import { endedHealth, startingHealth, type HealthState } from "./health/health_state.ts";
import { RestartPolicy, restartPolicyOf } from "./restart_policy.ts";
import { ContainerRun } from "./run.ts";
import type { ConnectedNetwork, ContainerExit, RunNetworking } from "./types.ts";

/** What all containers of one supervisor share. */
export interface LiveContext {
  readonly store: Store;
  readonly events: EventBus;
  readonly networking: RunNetworking | undefined;
  openLog(record: ContainerRecord, hostConfig: HostConfig): LogWriter | undefined;
  /** Whoever is attached to the container, or will be. */
  streamsOf(record: ContainerRecord): ContainerStreams;
  warn(text: string): void;
  /** A run began, or goes on under this supervisor; beside the events, for what goes with a run (health checks). */
  onRunning?(container: LiveContainer, run: ContainerRun, begins: boolean): void;
}

export class LiveContainer {
  readonly id: string;
  /** Settled when this supervisor has nothing more to do with the container. */
  readonly ended: Promise<void>;
  readonly #context: LiveContext;
  readonly #policy = new RestartPolicy();
  readonly #exits = new Set<(exit: ContainerExit) => void>();
  /** Of the last run that has ended. */
  lastExitCode = 0;
  #run: ContainerRun | undefined;
  #stopWaiting: (() => void) | undefined;
  #stopped = false;
  #recorded: Recorded = "written";
  #left = false;

  private constructor(context: LiveContext, id: string, life: (self: LiveContainer) => Promise<void>) {
    this.#context = context;
    this.id = id;
    this.ended = life(this);
    this.ended.catch(() => undefined);
  }

  /**
   * Starts the container and keeps at it. Resolves when it runs.
   * @throws Failure in Docker's words when it cannot be started; its record then says why
   */
  static async start(context: LiveContext, id: string): Promise<LiveContainer> {
    const begun = Promise.withResolvers<void>();
    const container = new LiveContainer(context, id, (self) => self.#live(begun));
    // A failure of its later life is no failure of the start.
    container.ended.catch(begun.reject);
    await begun.promise;
    return container;
  }

  /** Goes on with one that runs, or was to be restarted, when its supervisor ended. */
  static async resume(context: LiveContext, id: string): Promise<LiveContainer> {
    const begun = Promise.withResolvers<void>();
    const container = new LiveContainer(context, id, (self) => self.#goOn(begun));
    container.ended.catch(begun.reject);
    await begun.promise;
    return container;
  }

  /** Undefined between two runs. */
  get run(): ContainerRun | undefined {
    return this.#run;
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
    this.#stopWaiting?.();
  }

  /** Leaves the container to run on without this supervisor. */
  async leave(): Promise<void> {
    this.#left = true;
    this.#stopWaiting?.();
    this.#run?.leave();
    await this.ended.catch(() => undefined);
  }

  #live(begun: PromiseWithResolvers<void>): Promise<void> {
    const { store } = this.#context;
    return whileSupervising(store, this.id, async () => {
      const record = this.#read();
      checkStartable(record);
      await settleRun(store, this.id);
      if (record["RestartCount"] || record["HasBeenManuallyStopped"])
        await this.#update((now) => ({ ...now, RestartCount: 0, HasBeenManuallyStopped: false }));
      await this.#begin(true);
      begun.resolve();
      await this.#keepUp();
    });
  }

  #goOn(begun: PromiseWithResolvers<void>): Promise<void> {
    const { store } = this.#context;
    return whileSupervising(store, this.id, async () => {
      const record = readRecord(store.root, this.id);
      if (record === undefined) return begun.resolve();
      this.#stopped = record["HasBeenManuallyStopped"] === true;
      const parts = this.#partsOf(record);
      const run = await ContainerRun.resume(parts);
      if (run === undefined) parts.log?.[Symbol.dispose]();
      else {
        const { networking } = this.#context;
        await this.#running(run, record, false, await networking?.resume(record, parts.hostConfig));
        begun.resolve();
        return this.#keepUp();
      }
      await settleRun(store, this.id, async (exit) => {
        if (isUnrecorded(record, exit)) await this.#afterRun(exit ?? unknownExit(), await this.#disconnect());
        return this.#recorded;
      });
      begun.resolve();
      await this.#keepUp();
    });
  }

  /** Supervises run after run. */
  async #keepUp(): Promise<void> {
    for (;;) {
      if (this.#run !== undefined) await this.#supervise(this.#run);
      if (this.#left) return;
      const wait = await this.#nextStart();
      if (wait === undefined) return this.#finish();
      if (!(await this.#waited(wait))) return this.#left ? undefined : this.#finish();
      try {
        await this.#begin(false);
      } catch (error) {
        this.#context.warn(`container ${this.id} could not be restarted: ${(error as Error).message}`);
        this.#tellExit({ exitCode: 125, error: (error as Error).message });
        return this.#finish();
      }
    }
  }

  async #begin(byHand: boolean): Promise<void> {
    const { store, networking, warn } = this.#context;
    const record = this.#read();
    const hostConfig = readHostConfig(store.root, this.id);
    try {
      const network = await networking?.connect(record, hostConfig);
      const parts = this.#partsOf(record, hostConfig);
      const run = await ContainerRun.begin(parts, network, warn);
      await this.#running(run, record, byHand, await network?.connected);
    } catch (error) {
      const tell = await networking?.disconnect(this.id).catch(() => undefined);
      tell?.();
      this.#context.streamsOf(record).end();
      await recordFailure(store, record, error).catch((failure: Error) => warn(failure.message));
      if (byHand && hostConfig.AutoRemove) await this.#remove();
      throw error;
    }
  }

  #partsOf(record: ContainerRecord, hostConfig = readHostConfig(this.#context.store.root, this.id)) {
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
    const found = record.State.Running && record.State.Pid === run.pid;
    const settings = (now: ContainerRecord): ContainerRecord["NetworkSettings"] =>
      network?.settings(now.NetworkSettings) ?? now.NetworkSettings;
    if (found && (network !== undefined || record.State.Paused !== run.isPaused)) {
      const { isPaused: Paused } = run;
      await this.#update((now) => ({
        ...now,
        NetworkSettings: settings(now),
        State: { ...now.State, Paused },
      }));
    }
    if (!found) {
      await this.#update((now) => ({
        ...now,
        NetworkSettings: settings(now),
        HasBeenStartedBefore: true,
        State: {
          ...now.State,
          Running: true,
          Restarting: false,
          Paused: run.isPaused,
          OOMKilled: false,
          Pid: run.pid,
          ExitCode: 0,
          Error: "",
          StartedAt: goTime(Date.now()),
          Health:
            healthcheckOf(now.Config) === undefined
              ? null
              : startingHealth(now.State.Health as HealthState | null),
        },
      }));
    }
    if (begins || !found) this.#tell("start");
    this.#context.onRunning?.(this, run, !found);
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

  async #afterRun({ status, exitedAt, oomKilled }: KeptExit, tellDisconnected: () => void): Promise<void> {
    this.#run = undefined;
    this.lastExitCode = status;
    const writing = this.#update((record) => ({
      ...record,
      NetworkSettings: endedSettings(record.NetworkSettings),
      HasBeenStartedBefore: true,
      State: {
        ...record.State,
        Running: false,
        Paused: false,
        OOMKilled: oomKilled,
        Pid: 0,
        ExitCode: status,
        StartedAt: record.State.Running ? record.State.StartedAt : goTime(exitedAt.getTime()),
        FinishedAt: goTime(exitedAt.getTime()),
        Health: endedHealth(record.State.Health),
      },
    }));
    this.#recorded = await writing.then((): Recorded => "written", unlessFull);
    if (oomKilled) this.#tell("oom");
    this.#tell("die", { exitCode: String(status) });
    tellDisconnected();
  }

  /** Milliseconds until the container is started again; the record says so. Undefined: it is not. */
  async #nextStart(): Promise<number | undefined> {
    if (this.#recorded === "unwritten") {
      this.#tellExit({ exitCode: this.lastExitCode });
      return undefined;
    }
    const record = this.#read();
    const policy = restartPolicyOf(readHostConfig(this.#context.store.root, this.id));
    const { StartedAt, FinishedAt, ExitCode } = record.State;
    // A predecessor was killed while it waited for this restart, which is counted.
    const counted = record.State.Restarting ? 1 : 0;
    const failures = Number(record["RestartCount"] ?? 0) - counted;
    const wait = this.#policy.next(
      policy,
      {
        exitCode: ExitCode,
        milliseconds: Date.parse(FinishedAt) - Date.parse(StartedAt),
        stopped: this.#stopped,
      },
      failures,
    );
    if (wait !== undefined) {
      await this.#update((now) => ({
        ...now,
        RestartCount: failures + 1,
        State: { ...now.State, Running: true, Restarting: true },
      }));
    }
    await ContainerRun.forget(this.#context.store, this.id);
    this.#tellExit({ exitCode: ExitCode });
    return wait;
  }

  /** False: somebody wants it to stay down, or the supervisor ends. */
  #waited(milliseconds: number): Promise<boolean> {
    if (this.#stopped || this.#left) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(true), milliseconds);
    this.#stopWaiting = () => resolve(false);
    return promise.finally(() => clearTimeout(timer));
  }

  async #finish(): Promise<void> {
    const record = readRecord(this.#context.store.root, this.id);
    if (record === undefined) return;
    if (record.State.Restarting) {
      await this.#update((now) => ({ ...now, State: { ...now.State, Running: false, Restarting: false } }));
    }
    if (readHostConfig(this.#context.store.root, this.id).AutoRemove) await this.#remove();
  }

  async #remove(): Promise<void> {
    const attributes = attributesOf(this.#read());
    const { store, events } = this.#context;
    await removeSupervised(store, this.id, { volumes: true, events });
    events.tell("container", "destroy", this.id, attributes);
  }

  #read(): ContainerRecord {
    const record = readRecord(this.#context.store.root, this.id);
    if (record === undefined) throw new Failure("not-found", `No such container: ${this.id}`);
    return record;
  }

  async #update(change: (record: ContainerRecord) => ContainerRecord): Promise<void> {
    await updateRecord(this.#context.store, this.id, change);
  }

  #tell(action: string, more: Readonly<Record<string, string>> = {}): void {
    const record = readRecord(this.#context.store.root, this.id);
    if (record === undefined) return;
    this.#context.events.tell("container", action, this.id, { ...attributesOf(record), ...more });
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

/** Docker's code for an end that nobody saw. */
const unknownExit = (): KeptExit => ({ status: 255, exitedAt: new Date(), oomKilled: false });

/** Whether a run has ended that the record says nothing of, or something else. */
function isUnrecorded({ State }: ContainerRecord, exit: KeptExit | undefined): boolean {
  if (State.Running) return !State.Restarting;
  return exit !== undefined && State.FinishedAt !== goTime(exit.exitedAt.getTime());
}
