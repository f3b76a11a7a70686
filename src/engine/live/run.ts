/** One run of a container under its shim: from the mount to the exit, begun here or found running. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { MountedRoot } from "../../driver/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import {
  ContainerOutput,
  findShim,
  oomCounterOf,
  ShimTask,
  wasOutOfMemory,
  type LogWriter,
  type TaskExit,
} from "../../runtime/index.ts";
import { goJson } from "../../oci/index.ts";
import type { Store } from "../../store/index.ts";
import { bundleDirectory } from "../containers/bundle.ts";
import { writeEtcFiles } from "../containers/etc_files.ts";
import { keepCounter, keepExit, keptCounter, type KeptExit } from "../containers/kept_exit.ts";
import { keepMounted, releaseKept } from "../containers/mounted_root.ts";
import { prepareRun } from "../containers/prepare.ts";
import { isEnding } from "../containers/state.ts";
import type { EventBus } from "../events/event_bus.ts";
import { endRunMounts } from "../volumes/run_mounts.ts";
import { tellMounted, tellUnmounted } from "../volumes/volume_events.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";
import type { ContainerStreams } from "./container_streams.ts";
import { notRunning } from "./not_running.ts";
import type { RunNetwork } from "./types.ts";

export interface RunParts {
  readonly store: Store;
  readonly record: ContainerRecord;
  readonly hostConfig: HostConfig;
  readonly streams: ContainerStreams;
  /** Told of volumes. */
  readonly events: EventBus;
  /** Closed with the run, also where it does not come to one. */
  readonly log: LogWriter | undefined;
}

export class ContainerRun {
  readonly task: ShimTask;
  readonly pid: number;
  /** As it was found. */
  readonly isPaused: boolean;
  /** Settled as soon as its process has ended; the rest of what it is made of is still there. */
  readonly exited: Promise<TaskExit>;
  /**
   * Settled when the container has ended, its output is out and nothing of it is left but its files and the bundle, which
   * goes ({@link forget}) when the end is on record.
   */
  readonly ended: Promise<KeptExit>;
  readonly #parts: RunParts;
  readonly #output: ContainerOutput;
  readonly #rootfs: MountedRoot;
  /** Its streams and its log, as far as they are open here. */
  readonly #open = new DisposableStack();
  #left = false;
  #mounted = true;

  private constructor(parts: RunParts, live: LiveParts) {
    this.#parts = parts;
    this.#output = live.output;
    this.#rootfs = live.rootfs;
    this.#open.use(parts.log);
    this.#open.use(live.output);
    this.#open.defer(() => void live.stdin?.destroy());
    this.task = live.task;
    this.pid = live.pid;
    this.isPaused = live.isPaused ?? false;
    this.exited = live.exited;
    this.ended = this.#supervise(live);
    // Its failure is met by whoever supervises.
    this.ended.catch(() => undefined);
  }

  /**
   * Makes the container and runs it.
   * @throws Failure in Docker's words; nothing is left then
   */
  static async begin(
    parts: RunParts,
    network: RunNetwork | undefined,
    warn: (text: string) => void,
  ): Promise<ContainerRun> {
    const { store, record, hostConfig, streams, events, log } = parts;
    const bundle = bundleDirectory(store.root, record.ID);
    await using undo = new AsyncDisposableStack();
    undo.use(log);
    undo.defer(() => rm(bundle, { recursive: true, force: true }));
    // First and last: by it a run is found that a kill has left.
    await mkdir(bundle, { recursive: true, mode: 0o700 });
    const { programs, spec, rootfs, points } = await prepareRun(store, record, hostConfig, {
      networkNamespace: network?.namespace,
      warn,
    });
    undo.use(rootfs);
    undo.defer(() => endRunMounts(store, record));
    await writeFile(join(bundle, "config.json"), goJson(spec), { mode: 0o600 });
    const { task, pid, stdin } = await ShimTask.createTapped({
      shim: programs.shim,
      runtime: programs.runtime,
      bundle,
      id: record.ID,
      terminal: record.Config.Tty === true,
      stdin: record.Config.OpenStdin === true,
    });
    undo.defer(() => task.delete().then(() => undefined));
    const output = undo.use(new ContainerOutput({ bundle, log }));
    streams.begin(output, stdin, () => task.closeInput());
    undo.defer(() => streams.end());
    undo.defer(() => void stdin?.destroy());
    const exited = task.wait();
    exited.catch(() => undefined);
    const etc = (await network?.connected)?.etc;
    tellMounted(events, record, points);
    undo.defer(() => tellUnmounted(events, record));
    // In place: they are mounted by now.
    if (etc !== undefined) await writeEtcFiles(store, record, hostConfig, etc);
    const counter = await oomCounterOf(pid);
    keepCounter(store, record.ID, counter);
    await task.start();
    undo.move();
    return new ContainerRun(parts, { task, pid, counter, stdin, output, rootfs, exited });
  }

  /** Goes on with a container that another process has begun. Undefined: it has no living shim. */
  static async resume(parts: RunParts): Promise<ContainerRun | undefined> {
    const { store, record, streams, log } = parts;
    const bundle = bundleDirectory(store.root, record.ID);
    await using undo = new AsyncDisposableStack();
    undo.use(log);
    const task = await ShimTask.reconnect({ shim: findShim(), bundle, id: record.ID });
    if (task === undefined) return undefined;
    undo.defer(() => task.release());
    const state = await task.state().catch(unlessGone);
    // Its maker was killed before it ran, so it never will; or it is over, and its shim was told to go.
    if (state === undefined || state.status === "created") return undefined;
    const { pid, status } = state;
    const rootfs = undo.use(await store.containers.mount(record.ID));
    await releaseKept(store, record.ID);
    const output = undo.use(new ContainerOutput({ bundle, log }));
    const stdin = record.Config.OpenStdin === true ? task.reopenInput() : undefined;
    undo.defer(() => void stdin?.destroy());
    streams.begin(output, stdin, () => task.closeInput());
    const exited = task.wait();
    exited.catch(() => undefined);
    undo.move();
    const counter = keptCounter(store, record.ID);
    return new ContainerRun(parts, {
      task,
      pid,
      counter,
      isPaused: status === "paused",
      stdin,
      output,
      rootfs,
      exited,
    });
  }

  /** After its end is on record. */
  static async forget(store: Store, id: string): Promise<void> {
    await rm(bundleDirectory(store.root, id), { recursive: true, force: true });
  }

  /**
   * Does what only a container that runs can do.
   * @throws Failure("conflict") in Docker's words when it ended before that was done, whatever its shim says of it
   */
  async whileRunning<T>(work: (task: ShimTask) => Promise<T>): Promise<T> {
    try {
      return await work(this.task);
    } catch (error) {
      if (await this.hasEnded()) throw notRunning(this.task.id, { cause: error });
      throw error;
    }
  }

  /** Its process has ended or is about to, though all else of it may still be there. */
  async hasEnded(): Promise<boolean> {
    // A shim may not have heard of it yet.
    return isEnding(this.pid) || this.task.hasEnded();
  }

  /** Whether its supervisor has let go of it. */
  get isLeft(): boolean {
    return this.#left;
  }

  /** Leaves the container to run on, for another process to find. `ended` then fails with `cancelled`. */
  leave(): void {
    this.#left = true;
    this.#open.dispose();
    this.task.release();
    if (this.#mounted) keepMounted(this.#parts.store, this.#parts.record.ID, this.#rootfs);
  }

  /** Of one whose shim has gone: ends what a living one would end. */
  abandon(): void {
    this.leave();
    this.#parts.streams.end();
  }

  async #supervise({ exited, counter }: LiveParts): Promise<KeptExit> {
    const { store, record, streams } = this.#parts;
    const printed = this.#output.run();
    printed.catch(() => undefined);
    const exit = await exited.catch((cause: unknown) => {
      throw this.#left ? left(record, cause) : cause;
    });
    const oomKilled = await wasOutOfMemory(counter);
    // Before `delete`: the shim waits only two seconds for its copying, then drops what was not read.
    await printed;
    if (this.#left) throw left(record);
    keepExit(store, record.ID, { ...exit, oomKilled });
    // Nobody is left who uses the mounts.
    const unmounted = this.#unmount();
    unmounted.catch(() => undefined);
    await this.task.delete();
    streams.end();
    this.#open.dispose();
    await unmounted;
    return { ...exit, oomKilled };
  }

  async #unmount(): Promise<void> {
    const { store, record } = this.#parts;
    this.#mounted = false;
    await endRunMounts(store, record);
    await this.#rootfs[Symbol.asyncDispose]();
  }
}

interface LiveParts {
  readonly task: ShimTask;
  readonly pid: number;
  /** Where its kills for want of memory are counted. */
  readonly counter: string | undefined;
  readonly isPaused?: boolean;
  readonly stdin: Socket | undefined;
  readonly output: ContainerOutput;
  readonly rootfs: MountedRoot;
  readonly exited: Promise<TaskExit>;
}

function unlessGone(error: unknown): undefined {
  if (!isFailure(error, "not-found") && !isFailure(error, "unavailable")) throw error;
}

function left(record: ContainerRecord, cause?: unknown): Failure {
  return new Failure("cancelled", `container ${record.ID} is left to run on`, { cause });
}
