/** One run of a container under its shim: from the mount to the exit, begun here or found running. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MountedRoot } from "../../driver/index.ts";
import { Failure } from "../../errors.ts";
import {
  ContainerOutput,
  findRuntime,
  oomCounterOf,
  ShimTask,
  wasOutOfMemory,
  type LogWriter,
  type TaskExit,
} from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { bundleDirectory } from "../containers/bundle.ts";
import { writeEtcFiles } from "../containers/etc_files.ts";
import { keepMounted, releaseKept } from "../containers/mounted_root.ts";
import { prepareRun } from "../containers/prepare.ts";
import type { EventBus } from "../events/event_bus.ts";
import { endRunMounts } from "../volumes/run_mounts.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";
import type { ContainerStreams } from "./container_streams.ts";
import type { RunNetwork } from "./types.ts";

export interface RunParts {
  readonly store: Store;
  readonly record: ContainerRecord;
  readonly hostConfig: HostConfig;
  readonly streams: ContainerStreams;
  /** Told of volumes. */
  readonly events: EventBus;
  /** The run closes it. */
  readonly log: LogWriter | undefined;
}

export interface RunExit extends TaskExit {
  readonly oomKilled: boolean;
}

export class ContainerRun {
  readonly task: ShimTask;
  readonly pid: number;
  /** Settled as soon as its process has ended; the rest of what it is made of is still there. */
  readonly exited: Promise<TaskExit>;
  /** Settled when the container has ended, its output is out and nothing of it is left but its files. */
  readonly ended: Promise<RunExit>;
  readonly #parts: RunParts;
  readonly #output: ContainerOutput;
  readonly #rootfs: MountedRoot;
  #left = false;

  private constructor(parts: RunParts, live: LiveParts) {
    this.#parts = parts;
    this.#output = live.output;
    this.#rootfs = live.rootfs;
    this.task = live.task;
    this.pid = live.pid;
    this.exited = live.exited;
    this.ended = this.#supervise(live.exited);
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
    if (log !== undefined) undo.use(log);
    const { programs, spec, rootfs } = await prepareRun(store, record, hostConfig, {
      networkNamespace: network?.namespace,
      warn,
      events,
    });
    undo.use(rootfs);
    undo.defer(() => endRunMounts(store, record, events));
    undo.defer(() => rm(bundle, { recursive: true, force: true }));
    await mkdir(bundle, { recursive: true, mode: 0o700 });
    await writeFile(join(bundle, "config.json"), JSON.stringify(spec), { mode: 0o600 });
    const { task, stdin } = await ShimTask.createTapped({
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
    // In place: they are mounted by now.
    if (etc !== undefined) await writeEtcFiles(store, record, hostConfig, etc);
    const pid = await task.start();
    undo.move();
    return new ContainerRun(parts, { task, pid, output, rootfs, exited });
  }

  /** Goes on with a container that another process has begun. Undefined: it has no living shim. */
  static async resume(parts: RunParts): Promise<ContainerRun | undefined> {
    const { store, record, streams, log } = parts;
    const bundle = bundleDirectory(store.root, record.ID);
    const { shim } = await findRuntime();
    const task = await ShimTask.reconnect({ shim, bundle, id: record.ID });
    if (task === undefined) return undefined;
    await using undo = new AsyncDisposableStack();
    undo.defer(() => task.release());
    const { pid, status } = await task.state();
    // Made, and then its maker was killed: it has not run and never will.
    if (status === "created") return undefined;
    const rootfs = undo.use(await store.containers.mount(record.ID));
    await releaseKept(store, record.ID);
    const output = undo.use(new ContainerOutput({ bundle, log }));
    const stdin = record.Config.OpenStdin === true ? task.reopenInput() : undefined;
    streams.begin(output, stdin, () => task.closeInput());
    const exited = task.wait();
    exited.catch(() => undefined);
    undo.move();
    return new ContainerRun(parts, { task, pid, output, rootfs, exited });
  }

  /** Whether its supervisor has let go of it. */
  get isLeft(): boolean {
    return this.#left;
  }

  /** Leaves the container to run on, for another process to find. `ended` then fails with `cancelled`. */
  leave(): void {
    this.#left = true;
    this.#output[Symbol.dispose]();
    this.task.release();
    keepMounted(this.#parts.store, this.#parts.record.ID, this.#rootfs);
  }

  async #supervise(exited: Promise<TaskExit>): Promise<RunExit> {
    const { store, record, streams, events, log } = this.#parts;
    const printed = this.#output.run();
    printed.catch(() => undefined);
    const counter = await oomCounterOf(this.pid);
    const exit = await exited.catch((cause: unknown) => {
      throw this.#left ? left(record, cause) : cause;
    });
    const oomKilled = await wasOutOfMemory(counter);
    // Before `delete`: the shim waits only two seconds for its copying, then drops what was not read.
    await printed;
    if (this.#left) throw left(record);
    await this.task.delete();
    streams.end();
    this.#output[Symbol.dispose]();
    log?.[Symbol.dispose]();
    await endRunMounts(store, record, events);
    await rm(bundleDirectory(store.root, record.ID), { recursive: true, force: true });
    await this.#rootfs[Symbol.asyncDispose]();
    return { ...exit, oomKilled };
  }
}

interface LiveParts {
  readonly task: ShimTask;
  readonly pid: number;
  readonly output: ContainerOutput;
  readonly rootfs: MountedRoot;
  readonly exited: Promise<TaskExit>;
}

function left(record: ContainerRecord, cause?: unknown): Failure {
  return new Failure("cancelled", `container ${record.ID} is left to run on`, { cause });
}
