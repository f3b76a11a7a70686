/**
 * The supervisor of containers that live on: started here, they run under their shims, whatever becomes of this process;
 * its successor finds them again. One for a process and root.
 */
import { existsSync } from "node:fs";
import { Failure, isFailure } from "../../errors.ts";
import { exitCodeOfFailure, parseDetachKeys } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { bundleDirectory } from "../containers/bundle.ts";
import { openLogWriter } from "../containers/log_writer.ts";
import {
  findRecord,
  listRecords,
  readHostConfig,
  readRecord,
  type ContainerRecord,
} from "../containers/record.ts";
import { removeContainer, type RemoveContainerOptions } from "../containers/remove.ts";
import { isAlive, reconcile } from "../containers/state.ts";
import { isSupervised } from "../containers/supervision.ts";
import { EventBus } from "../events/event_bus.ts";
import { attributesOf } from "./attributes.ts";
import { finishRemoval } from "./finish_removal.ts";
import { markStopped, setPaused } from "./marks.ts";
import type { Attachment, AttachStreams } from "./container_streams.ts";
import { Execs } from "./exec/execs.ts";
import { Health } from "./health/health.ts";
import { LiveContainer, type LiveContext } from "./live_container.ts";
import { restartPolicyOf, startsWithDaemon } from "./restart_policy.ts";
import { signalNumber, stopSignalOf } from "./signals.ts";
import { listProcesses, type ProcessList } from "./top.ts";
import { updateContainer, type UpdateRequest } from "./update_limits.ts";
import type { ContainerExit, RunNetworking, WaitCondition } from "./types.ts";
import { StreamsOfContainers } from "./streams_of_containers.ts";
import { succeeds, within } from "./within.ts";
import { Waiters } from "./waiters.ts";

export interface LiveOptions {
  readonly store: Store;
  readonly events?: EventBus;
  readonly networking?: RunNetworking;
  /** What goes wrong behind nobody's call. */
  readonly warn?: (text: string) => void;
}

interface StopOptions {
  /** Name or number. */
  readonly signal?: string;
  /** Seconds, -1 for ever. */
  readonly timeout?: number;
}

/** Seconds between request and kill, unless its config or the caller says otherwise. */
const defaultStopTimeout = 10;

const SIGKILL = 9;

export class LiveContainers implements AsyncDisposable {
  readonly events: EventBus;
  readonly execs: Execs;
  readonly #context: LiveContext;
  readonly #live = new Map<string, LiveContainer>();
  /** Those that do not run yet. */
  readonly #starting = new Map<string, Promise<LiveContainer>>();
  readonly #streams = new StreamsOfContainers();
  readonly #removals = new Waiters<ContainerExit>();
  readonly #nextRuns = new Waiters<LiveContainer>();
  readonly #health: Health;

  constructor({ store, events = new EventBus(), networking, warn = () => undefined }: LiveOptions) {
    this.events = events;
    this.#context = {
      store,
      events,
      networking,
      warn,
      openLog: (record, hostConfig) => openLogWriter(store, record, hostConfig),
      streamsOf: (record) => this.#streams.of(record),
      onRunning: (live, run, begins) => {
        this.#live.set(live.id, live);
        this.#health.begin(live.id, run);
        if (!begins) void this.execs.adopt(run).catch((error: Error) => warn(`exec: ${error.message}`));
      },
    };
    this.execs = new Execs({
      store,
      events,
      warn,
      find: (text) => this.find(text),
      runOf: (id) => this.#live.get(id)?.run,
    });
    this.#health = new Health({ store, events, execs: this.execs, warn });
  }

  /**
   * Finds what runs, and starts what is to run always. Called once, before anything else; a container that cannot be
   * found or started is told to `warn`.
   */
  async restore(): Promise<void> {
    const { store } = this.#context;
    await Promise.all(
      (await listRecords(store.root)).map((record) =>
        this.#restore(record).catch((error: unknown) =>
          this.#context.warn(
            `container ${record.ID}: ${error instanceof Error ? error.message : String(error)}`,
          ),
        ),
      ),
    );
  }

  /** Lets go of all containers, which run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#live.values()].map((container) => container.leave()));
  }

  /** Resolves when the container's process runs. Nothing is done for one that runs already. */
  async start(text: string): Promise<void> {
    const record = await this.#findStarted(text);
    if (this.#live.has(record.ID) && isAlive(record)) return;
    // One that is between two runs is started now.
    await this.#settle(record.ID);
    const starting = LiveContainer.start(this.#context, record.ID);
    try {
      await this.#keep(record.ID, starting);
    } catch (error) {
      // With `AutoRemove` it goes at once: `docker run --rm` waits for that.
      if (readRecord(this.#context.store.root, record.ID) === undefined)
        this.#removals.tell(record.ID, { exitCode: exitCodeOfFailure(error) });
      throw error;
    }
  }

  async stop(text: string, options: StopOptions = {}): Promise<void> {
    const record = await this.#findStarted(text);
    const live = this.#live.get(record.ID);
    if (live === undefined) return;
    await markStopped(this.#context.store, record.ID);
    live.stayDown();
    const run = live.run;
    if (run !== undefined) {
      const ended = live.nextExit();
      const signal =
        options.signal === undefined ? stopSignalOf(record.Config) : signalNumber(options.signal);
      const { StopTimeout = defaultStopTimeout } = record.Config as { StopTimeout?: number };
      // A runtime that cannot even ask has no use for the patience.
      const seconds = (await succeeds(this.#signal(record, signal))) ? (options.timeout ?? StopTimeout) : 0;
      if (!(await within(seconds, ended))) {
        await this.#signal(record, SIGKILL);
        await ended;
      }
    }
    await live.ended.catch(() => undefined);
    this.#tell(record, "stop");
  }

  async restart(text: string, options: StopOptions = {}): Promise<void> {
    const record = await this.find(text);
    await this.stop(record.ID, options);
    await this.start(record.ID);
    this.#tell(record, "restart");
  }

  /** @throws Failure("conflict") for one that does not run, `invalid` for no signal */
  async kill(text: string, signalText = "SIGKILL"): Promise<void> {
    const signal = signalNumber(signalText);
    const record = await this.#findStarted(text);
    const live = this.#live.get(record.ID);
    if (live?.run === undefined) {
      throw new Failure("conflict", `Cannot kill container: ${text}: Container ${record.ID} is not running`);
    }
    if (signal === SIGKILL || signal === stopSignalOf(record.Config)) {
      await markStopped(this.#context.store, record.ID);
      live.stayDown();
    }
    const ended = live.nextExit();
    await this.#signal(record, signal);
    // Docker's answer comes when it is over.
    if (signal === SIGKILL) await ended;
  }

  async pause(text: string): Promise<void> {
    const { record, run } = await this.#running(text, "pause");
    if (record.State.Paused) throw new Failure("conflict", `Container ${record.ID} is already paused`);
    await run.task.pause();
    await setPaused(this.#context.store, record.ID, true);
    await this.#health.pause(record.ID);
    this.#tell(record, "pause");
  }

  async unpause(text: string): Promise<void> {
    const { record, run } = await this.#running(text, "unpause");
    if (!record.State.Paused) throw new Failure("conflict", `Container ${record.ID} is not paused`);
    await run.task.resume();
    await setPaused(this.#context.store, record.ID, false);
    this.#health.resume(record.ID);
    this.#tell(record, "unpause");
  }

  /** @param signal ends the wait with `cancelled` */
  async wait(text: string, condition: WaitCondition, signal: AbortSignal): Promise<ContainerExit> {
    const record = await this.find(text);
    const { promise, resolve, reject } = Promise.withResolvers<ContainerExit>();
    const leave = this.#whenEnded(record, condition, resolve);
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

  /** @returns how to be told no more; undefined: it has ended */
  #whenEnded(
    { ID, State }: ContainerRecord,
    condition: WaitCondition,
    told: (exit: ContainerExit) => void,
  ): (() => void) | undefined {
    if (condition === "removed") return this.#removals.add(ID, told);
    const live = this.#live.get(ID);
    if (live !== undefined && State.Running) return live.onExit(told);
    if (condition === "not-running") return undefined;
    let leave = (): void => undefined;
    const forget = this.#nextRuns.add(ID, (begun) => void (leave = begun.onExit(told)));
    return () => {
      forget();
      leave();
    };
  }

  /** Joins the container's streams, also before it starts. */
  async attach(
    text: string,
    streams: Omit<AttachStreams, "detachKeys"> & { readonly detachKeys?: string },
  ): Promise<Attachment> {
    const record = await this.find(text);
    const keys = streams.detachKeys ?? "ctrl-p,ctrl-q";
    const detachKeys = parseDetachKeys(record.Config.Tty === true ? keys : (streams.detachKeys ?? ""));
    const attachment = this.#streams.of(record).attach({ ...streams, detachKeys });
    this.#tell(record, "attach");
    void attachment.ended.then((how) => {
      if (how === "detached") this.#tell(record, "detach");
      this.#forgetStreams(record.ID);
    });
    return attachment;
  }

  async resize(text: string, columns: number, rows: number): Promise<void> {
    const { record, run } = await this.#running(text, "resize");
    await run.task.resize(columns, rows);
    this.#tell(record, "resize", { height: String(rows), width: String(columns) });
  }

  /** Other limits and another restart policy. @returns warnings @throws Failure in Docker's words */
  async update(text: string, given: UpdateRequest): Promise<string[]> {
    const record = await this.find(text);
    const run = record.State.Restarting ? undefined : this.#live.get(record.ID)?.run;
    const warnings = await updateContainer(this.#context.store, record, given, run?.task);
    this.#tell(record, "update");
    return warnings;
  }

  /** @param psArgs options of ps(1) */
  async top(text: string, psArgs: string): Promise<ProcessList> {
    const { record, run } = await this.#running(text, "top");
    const list = await listProcesses(await run.task.pids(), psArgs);
    this.#tell(record, "top");
    return list;
  }

  async remove(text: string, options: RemoveContainerOptions = {}): Promise<void> {
    const record = await this.#findStarted(text);
    const live = this.#live.get(record.ID);
    if (live !== undefined) {
      if (record.State.Running || live.run !== undefined) await this.#end(record, live, options);
      await live.ended.catch(() => undefined);
    }
    const attributes = attributesOf(record);
    if (readRecord(this.#context.store.root, record.ID) !== undefined) {
      await removeContainer(this.#context.store, record, { ...options, events: this.events });
      this.events.tell("container", "destroy", record.ID, attributes);
    }
    this.#removals.tell(record.ID, { exitCode: record.State.ExitCode });
  }

  /** Of a container that is to be removed. */
  async #end(record: ContainerRecord, live: LiveContainer, { force }: RemoveContainerOptions): Promise<void> {
    if (force !== true) {
      const what = record.State.Restarting ? "restarting" : record.State.Paused ? "paused" : "running";
      throw new Failure(
        "conflict",
        `You cannot remove a ${what} container ${record.ID}. Stop the container before attempting removal or force remove`,
      );
    }
    await markStopped(this.#context.store, record.ID);
    live.stayDown();
    if (record.State.Paused) await live.run?.task.resume().catch(() => undefined);
    if (live.run !== undefined) await this.#signal(record, SIGKILL);
  }

  /** By ID, name or ID prefix. Throws `Failure("not-found")`: `No such container: x`. */
  async find(text: string): Promise<ContainerRecord> {
    const record = await findRecord(this.#context.store.root, text);
    return this.#live.has(record.ID) ? record : reconcile(this.#context.store, record);
  }

  /** As {@link find}, once a start that goes on has come to its end. */
  async #findStarted(text: string): Promise<ContainerRecord> {
    const record = await this.find(text);
    const starting = this.#starting.get(record.ID);
    if (starting === undefined) return record;
    await starting.catch(() => undefined);
    return this.find(record.ID);
  }

  async #running(text: string, verb: string) {
    const record = await this.find(text);
    const live = this.#live.get(record.ID);
    const run = live?.run;
    if (live === undefined || run === undefined) {
      throw new Failure("conflict", `Container ${record.ID} is not running`, {
        hint: `${verb} needs a running container`,
      });
    }
    return { record, live, run };
  }

  async #restore(record: ContainerRecord): Promise<void> {
    const { store } = this.#context;
    const hostConfig = readHostConfig(store.root, record.ID);
    const was = record.State.Running || existsSync(bundleDirectory(store.root, record.ID));
    if (was) {
      // One that is run in the foreground is not waited for.
      const isForeground = await isSupervised(store, record.ID);
      const resuming = this.#keep(record.ID, LiveContainer.resume(this.#context, record.ID));
      if (isForeground) return void resuming.catch((error: Error) => this.#context.warn(error.message));
      await resuming;
      if (this.#live.get(record.ID)?.run !== undefined) return;
    }
    if (hostConfig.AutoRemove || record.State.RemovalInProgress) {
      await this.#live.get(record.ID)?.ended.catch(() => undefined);
      return finishRemoval(store, this.events, record.ID);
    }
    if (was || !startsWithDaemon(restartPolicyOf(hostConfig), record["HasBeenManuallyStopped"] === true))
      return;
    if (record.HasBeenStartedBefore) await this.start(record.ID);
  }

  async #keep(id: string, starting: Promise<LiveContainer>): Promise<void> {
    this.#starting.set(id, starting);
    const live = await starting.finally(() => this.#starting.delete(id));
    this.#live.set(id, live);
    this.#nextRuns.tell(id, live);
    void live.ended
      .catch((error: unknown) => {
        if (!isFailure(error, "cancelled"))
          this.#context.warn(`container ${id}: ${(error as Error).message}`);
      })
      .then(() => this.#forget(id, live));
  }

  #forget(id: string, live: LiveContainer): void {
    if (this.#live.get(id) === live) this.#live.delete(id);
    this.#forgetStreams(id);
    const record = readRecord(this.#context.store.root, id);
    if (record === undefined) this.#removals.tell(id, { exitCode: live.lastExitCode });
  }

  /** Ends the wait of a container between two runs. */
  async #settle(id: string): Promise<void> {
    const live = this.#live.get(id);
    if (live === undefined) return;
    live.stayDown();
    await live.ended.catch(() => undefined);
  }

  async #signal(record: ContainerRecord, signal: number): Promise<void> {
    const run = this.#live.get(record.ID)?.run;
    try {
      await (signal === SIGKILL ? run?.task.end() : run?.task.kill(signal));
    } catch (error) {
      // It has ended by itself meanwhile.
      if (!isFailure(error, "not-found")) throw error;
    }
    this.#tell(record, "kill", { signal: String(signal) });
  }

  #tell(record: ContainerRecord, action: string, more: Readonly<Record<string, string>> = {}): void {
    this.events.tell("container", action, record.ID, { ...attributesOf(record), ...more });
  }

  #forgetStreams(id: string): void {
    if (!this.#live.has(id)) this.#streams.forget(id);
  }
}
