/**
 * The supervisor of containers that live on: started here, they run under their shims, whatever becomes of this process;
 * its successor finds them again. One for a process and root.
 */
import { Failure, isFailure } from "../../errors.ts";
import { exitCodeOfFailure, parseDetachKeys } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { openLogWriter } from "../containers/log_writer.ts";
import { listRecords, readRecord, type ContainerRecord } from "../containers/record.ts";
import { removeContainer, type RemoveContainerOptions } from "../containers/remove.ts";
import { isAlive } from "../containers/state.ts";
import { userNamespace } from "../../sys/index.ts";
import { EventBus } from "../events/event_bus.ts";
import { tellContainer } from "../events/tell_container.ts";
import type { Attachment, AttachStreams } from "./container_streams.ts";
import { endRun } from "./end_run.ts";
import { Execs } from "./exec/execs.ts";
import { Health } from "./health/health.ts";
import { LiveContainer } from "./live_container.ts";
import type { LiveContext } from "./live_context.ts";
import { LiveSet } from "./live_set.ts";
import { markStopped } from "./mark_stopped.ts";
import { restoreContainer } from "./restore_container.ts";
import { RunControl } from "./run_control.ts";
import { SIGKILL, signalNumber, stopSignalOf } from "./signals.ts";
import { StreamsOfContainers } from "./streams_of_containers.ts";
import { listProcesses, type ProcessList } from "./top.ts";
import { Turns } from "./turns.ts";
import type { ContainerExit, RunNetworking, WaitCondition } from "./types.ts";
import { updateContainer, type UpdateRequest } from "./update_limits.ts";
import { Waits } from "./waits.ts";
import { succeeds, within } from "./within.ts";

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

export class LiveContainers implements AsyncDisposable {
  readonly events: EventBus;
  readonly execs: Execs;
  readonly #context: LiveContext;
  readonly #set: LiveSet;
  readonly #streams = new StreamsOfContainers();
  readonly #waits = new Waits();
  readonly #health: Health;
  readonly #control: RunControl;

  constructor({ store, events = new EventBus(), networking, warn = () => undefined }: LiveOptions) {
    this.events = events;
    const turns = new Turns();
    this.#set = new LiveSet({
      store,
      warn,
      begun: (live) => this.#waits.tellBegun(live),
      left: (live) => this.#forget(live),
    });
    this.#context = {
      store,
      events,
      networking,
      warn,
      openLog: (record, hostConfig) => openLogWriter(store, record, hostConfig),
      streamsOf: (record) => this.#streams.of(record),
      onRunning: (live, run, begins) => {
        this.#set.add(live);
        this.#health.begin(live.id, run);
        if (!begins) void this.execs.adopt(run).catch((error: Error) => warn(`exec: ${error.message}`));
      },
    };
    this.execs = new Execs({
      store,
      events,
      warn,
      find: (text) => this.find(text),
      runOf: (id) => this.#set.get(id)?.run,
      turns,
    });
    this.#health = new Health({ store, events, execs: this.execs, warn });
    this.#control = new RunControl({ store, events, set: this.#set, health: this.#health, turns });
  }

  /**
   * Finds what runs, and starts what is to run always. Called once, before anything else; a container that cannot be
   * found or started is told to `warn`.
   */
  async restore(): Promise<void> {
    const restoring = (await listRecords(this.#context.store.root)).map(async (record) => {
      try {
        await restoreContainer(this.#context, this.#set, record, (id) => this.start(id));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.#context.warn(`container ${record.ID}: ${why}`);
      }
    });
    await Promise.all(restoring);
  }

  /** Lets go of all containers, which run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#set.all().map((container) => container.leave()));
  }

  /** Resolves when the container's process runs. Nothing is done for one that runs already. */
  async start(text: string): Promise<void> {
    const record = await this.#set.findStarted(text);
    const { ID } = record;
    if (record.State.Paused)
      throw new Failure("conflict", "cannot start a paused container, try unpause instead");
    const before = this.#set.get(ID);
    if (before !== undefined && isAlive(record)) return;
    // One that is between two runs is started now.
    before?.stayDown();
    await before?.ended.catch(() => undefined);
    // Somebody else was faster: a second start would wait until that run is over.
    if (this.#set.isTaken(ID, before)) return this.start(ID);
    try {
      await this.#set.keep(ID, LiveContainer.start(this.#context, ID));
    } catch (error) {
      // With `AutoRemove` it goes at once: `docker run --rm` waits for that.
      if (readRecord(this.#context.store.root, ID) === undefined)
        this.#waits.tellRemoved(ID, { exitCode: exitCodeOfFailure(error) });
      throw error;
    }
  }

  /** @throws Failure("invalid") for no signal */
  async stop(text: string, { signal: signalText, timeout }: StopOptions = {}): Promise<void> {
    const record = await this.#set.findStarted(text);
    const live = this.#set.get(record.ID);
    if (live === undefined) return;
    const signal = signalText === undefined ? stopSignalOf(record.Config) : signalNumber(signalText);
    await markStopped(this.#context.store, record.ID);
    live.stayDown();
    await this.#set.startOver(record.ID);
    if (live.run !== undefined) {
      await endRun(live, record, { signal, timeout }, (which) => this.#control.signal(record, which));
    }
    await live.ended.catch(() => undefined);
    tellContainer(this.events, "stop", record);
  }

  async restart(text: string, options: StopOptions = {}): Promise<void> {
    const record = await this.find(text);
    const live = this.#set.get(record.ID);
    try {
      if (live !== undefined) live.isRestarted = true;
      await this.stop(record.ID, options);
    } catch (error) {
      if (live !== undefined) live.isRestarted = false;
      throw error;
    }
    await this.start(record.ID);
    tellContainer(this.events, "restart", record);
  }

  /** @throws Failure("conflict") for one that does not run, `invalid` for no signal */
  async kill(text: string, signalText = "SIGKILL"): Promise<void> {
    const signal = signalNumber(signalText);
    const record = await this.#set.findStarted(text);
    const live = this.#set.get(record.ID);
    if (live === undefined || (live.run === undefined && !record.State.Restarting)) {
      throw new Failure("conflict", `Cannot kill container: ${text}: Container ${record.ID} is not running`);
    }
    const isEnd = signal === SIGKILL || signal === stopSignalOf(record.Config);
    if (isEnd) {
      await markStopped(this.#context.store, record.ID);
      live.stayDown();
      await this.#set.startOver(record.ID);
    }
    // Between two runs nobody can be sent a signal; that it stays down is all there is to do.
    if (live.run === undefined) return isEnd ? void (await live.ended.catch(() => undefined)) : undefined;
    // Docker's answer comes when it is over.
    const ended = signal === SIGKILL ? live.nextExit() : undefined;
    await this.#control.signal(record, signal);
    await ended;
  }

  pause(text: string): Promise<void> {
    return this.#control.pause(text);
  }

  unpause(text: string): Promise<void> {
    return this.#control.unpause(text);
  }

  /** Runs `work` while the container stands still; in a user namespace nothing does, since what stops it is a control group. */
  whilePaused<T>(text: string, work: () => Promise<T>): Promise<T> {
    return userNamespace() === undefined ? this.#control.whilePaused(text, work) : work();
  }

  /** @param signal ends the wait with `cancelled` */
  async wait(text: string, condition: WaitCondition, signal: AbortSignal): Promise<ContainerExit> {
    const record = await this.find(text);
    return this.#waits.wait(record, this.#set.get(record.ID), condition, signal);
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
    tellContainer(this.events, "attach", record);
    void attachment.ended.then((how) => {
      if (how === "detached") tellContainer(this.events, "detach", record);
      this.#forgetStreams(record.ID);
    });
    return attachment;
  }

  async resize(text: string, columns: number, rows: number): Promise<void> {
    const { record, run } = await this.#set.findRunning(text, "resize");
    await run.whileRunning((task) => task.resize(columns, rows));
    tellContainer(this.events, "resize", record, { height: String(rows), width: String(columns) });
  }

  /** Other limits and another restart policy. @returns warnings @throws Failure in Docker's words */
  async update(text: string, given: UpdateRequest): Promise<string[]> {
    const record = await this.find(text);
    const run = record.State.Restarting ? undefined : this.#set.get(record.ID)?.run;
    const warnings = await updateContainer(this.#context.store, record, given, run);
    tellContainer(this.events, "update", record);
    return warnings;
  }

  /** @param psArgs options of ps(1) */
  async top(text: string, psArgs: string): Promise<ProcessList> {
    const { record, run } = await this.#set.findRunning(text, "top");
    const list = await run.whileRunning(async (task) => listProcesses(await task.pids(), psArgs));
    tellContainer(this.events, "top", record);
    return list;
  }

  async remove(text: string, options: RemoveContainerOptions = {}): Promise<void> {
    const record = await this.#set.findStarted(text, options.force === true ? startPatience : -1);
    const live = this.#set.get(record.ID);
    if (live !== undefined) {
      if (record.State.Running || live.run !== undefined) await this.#end(record, live, options);
      await live.ended.catch(() => undefined);
    }
    const { store } = this.#context;
    const left = readRecord(store.root, record.ID);
    if (left !== undefined) {
      // Somebody has started it anew, which a removal would wait for, or is faster at this.
      if (this.#set.isTaken(record.ID, live)) return this.#removeNow(record, options);
      await this.#set.takeAway(record.ID, () =>
        removeContainer(store, left, { ...options, events: this.events }),
      );
      tellContainer(this.events, "destroy", record);
    }
    this.#waits.tellRemoved(record.ID, { exitCode: record.State.ExitCode });
  }

  /** Of one that somebody else starts or removes: it may have gone when that is over. */
  async #removeNow({ ID }: ContainerRecord, options: RemoveContainerOptions): Promise<void> {
    try {
      await this.remove(ID, options);
    } catch (error) {
      if (!isFailure(error, "not-found")) throw error;
    }
  }

  /** Of a container that is to be removed. */
  async #end(record: ContainerRecord, live: LiveContainer, { force }: RemoveContainerOptions): Promise<void> {
    if (force !== true) {
      const what = record.State.Restarting ? "restarting" : record.State.Paused ? "paused" : "running";
      const first = what === "paused" ? "Unpause and then s" : "S";
      throw new Failure(
        "conflict",
        `You cannot remove a ${what} container ${record.ID}. ${first}top the container before attempting removal or force remove`,
      );
    }
    await markStopped(this.#context.store, record.ID);
    live.stayDown();
    await this.#set.startOver(record.ID, startPatience);
    // A runtime that hangs at that has no use for the patience.
    if (record.State.Paused && live.run !== undefined)
      await within(resumePatience, succeeds(live.run.task.resume()));
    if (live.run !== undefined) await this.#control.signal(record, SIGKILL);
  }

  /** By ID, name or ID prefix. Throws `Failure("not-found")`: `No such container: x`. */
  find(text: string): Promise<ContainerRecord> {
    return this.#set.find(text);
  }

  #forget({ id, lastExitCode: exitCode }: LiveContainer): void {
    this.#forgetStreams(id);
    if (readRecord(this.#context.store.root, id) === undefined) this.#waits.tellRemoved(id, { exitCode });
  }

  #forgetStreams(id: string): void {
    if (this.#set.get(id) === undefined) this.#streams.forget(id);
  }
}

/** Seconds for what is to be killed to come to run before. */
const startPatience = 2;

/** Seconds for what is to be killed to go on before. */
const resumePatience = 2;
