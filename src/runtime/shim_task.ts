/**
 * One container under a containerd shim. The shim outlives this process, holds the container's terminal and pipes,
 * and tells how it ended; whoever knows the bundle can find it again.
 */
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Failure, isFailure } from "../errors.ts";
import { killWorkersIn } from "./end_leftovers.ts";
import { ExecTask, listExecs, type ExecOptions } from "./exec_task.ts";
import { drainFifo, makeFifo, openFifoWriter } from "./fifo.ts";
import type { OciResources } from "./oci_spec.ts";
import { runtimeFailure } from "./runtime_failure.ts";
import { shimAddress, type ShimPlace } from "./shim_process.ts";
import {
  claimBundle,
  destroyStreams,
  initOf,
  openStreams,
  removeConfig,
  removeFiles,
  removeLeftovers,
  startKeeping,
  streamNames,
  type CreateTaskOptions,
  type TaskStreams,
} from "./task_bundle.ts";
import { TaskService, type TaskExit, type TaskState } from "./task_service.ts";
import { TtrpcClient } from "./ttrpc.ts";
import { userNamespace } from "../sys/index.ts";

/**
 * Lifecycle: `create` → `start` → `wait` → `delete`; or `reconnect` at any time between `create` and `delete`.
 * `delete` ends the shim and must be called after every `create` that succeeded. Each method throws a Failure:
 * `unavailable` when the shim is gone, else of the kind and with the words of the shim.
 */
export class ShimTask {
  readonly id: string;
  readonly #place: ShimPlace;
  readonly #client: TtrpcClient;
  readonly #service: TaskService;
  readonly #log: Disposable;

  private constructor(place: ShimPlace, client: TtrpcClient, log: Disposable) {
    this.id = place.id;
    this.#place = place;
    this.#client = client;
    this.#service = new TaskService(client);
    this.#log = log;
  }

  /**
   * Starts a shim in the bundle, which holds `config.json`, and makes the container, its process (`pid`, on the host) not
   * yet running. The root filesystem is where `root.path` says; it must not be mounted on `<bundle>/rootfs`, which the shim
   * unmounts when it ends. Undoes everything when it fails; a bundle that is in use is left alone.
   * @throws {Failure} in Docker's words; {@link exitCodeOfFailure} tells what `docker run` would end with
   */
  static async create(
    options: CreateTaskOptions,
  ): Promise<{ task: ShimTask; pid: number; streams: TaskStreams }> {
    const { task, pid, opened: streams } = await ShimTask.#create(options, () => openStreams(options));
    return { task, pid, streams };
  }

  /** As {@link create}, but leaves the output to whoever taps the FIFOs `stdout` and `stderr` of the bundle. */
  static async createTapped(
    options: CreateTaskOptions,
  ): Promise<{ task: ShimTask; pid: number; stdin: Socket | undefined }> {
    const { task, pid, opened } = await ShimTask.#create(options, () => ({
      stdin: options.stdin ? openFifoWriter(join(options.bundle, "stdin")) : undefined,
    }));
    return { task, pid, stdin: opened.stdin };
  }

  static async #create<T extends Partial<TaskStreams>>(
    options: CreateTaskOptions,
    open: () => T,
  ): Promise<{ task: ShimTask; pid: number; opened: T }> {
    const path = (name: string): string => join(options.bundle, name);
    if (process.geteuid?.() !== 0)
      throw new Failure("denied", "cannot run a container as an ordinary user: it needs root", {
        hint: "Run it with sudo.",
      });
    const log = claimBundle(options.bundle);
    let task: ShimTask | undefined;
    let opened: T | undefined;
    try {
      for (const name of streamNames(options)) makeFifo(path(name));
      task = new ShimTask(options, await TtrpcClient.connect(await startKeeping(options)), log);
      opened = open();
      const pid = await task.#service.create({
        id: options.id,
        bundle: options.bundle,
        terminal: options.terminal,
        stdin: options.stdin ? path("stdin") : "",
        stdout: path("stdout"),
        stderr: options.terminal ? "" : path("stderr"),
        runtime: options.runtime,
        runtimeRoot: path("runc"),
      });
      return { task, pid, opened };
    } catch (error) {
      destroyStreams(opened);
      if (task === undefined) log[Symbol.dispose]();
      await (task === undefined ? removeLeftovers(options) : task.#end());
      throw runtimeFailure("create", error);
    }
  }

  /**
   * Finds the shim of a bundle again, after this or another process has left it.
   * @returns undefined when no shim is alive there
   */
  static async reconnect(place: ShimPlace): Promise<ShimTask | undefined> {
    const address = await shimAddress(place.bundle);
    if (address === undefined) return undefined;
    try {
      const client = await TtrpcClient.connect(address);
      return new ShimTask(place, client, drainFifo(join(place.bundle, "log")));
    } catch (error) {
      if (isFailure(error, "unavailable")) return undefined;
      throw error;
    }
  }

  /**
   * Removes what a container whose shim has died left behind: processes, cgroup, runtime state, socket, FIFOs,
   * `config.json`, and the bundle unless something else is in it. For a bundle that {@link reconnect} finds no shim in.
   */
  static async removeLeftovers(place: ShimPlace): Promise<void> {
    await removeLeftovers(place);
    await removeConfig(place.bundle);
  }

  /** Opens the FIFOs once more, after {@link reconnect}; the options are those of `create`. */
  reopenStreams(options: Pick<CreateTaskOptions, "terminal" | "stdin">): TaskStreams {
    return openStreams({ ...options, bundle: this.#place.bundle });
  }

  /** The writing end of the container's input once more, after {@link reconnect}. */
  reopenInput(): Socket {
    return openFifoWriter(join(this.#place.bundle, "stdin"));
  }

  /** Runs the process. @returns its process id on the host */
  async start(): Promise<number> {
    try {
      return await this.#service.start(this.id);
    } catch (error) {
      throw runtimeFailure("start", error);
    }
  }

  /** Resolves when the container's first process has ended. */
  async wait(): Promise<TaskExit> {
    return this.#service.wait(this.id);
  }

  /** @param signal number of the signal @param all to every process in the container, not only the first */
  async kill(signal: number, options: { readonly all?: boolean } = {}): Promise<void> {
    // Without a control group nobody keeps a list of them; a container's own PID namespace ends with its first process.
    const all = options.all === true && userNamespace() === undefined;
    await this.#service.kill(this.id, signal, all);
  }

  /**
   * Kills the container whatever its runtime does: asks for it, does it without the runtime, and ends a shim that does not
   * tell of the end; {@link wait} then fails with `unavailable`.
   * @param options as for {@link kill}
   */
  async end(options: { readonly all?: boolean } = {}): Promise<void> {
    const ended = this.wait().then(
      () => true,
      () => true,
    );
    const refused = this.kill(SIGKILL, options).then(
      () => ended,
      () => false,
    );
    const done = async (patience: number, ...more: Promise<boolean>[]): Promise<boolean> =>
      Promise.race([ended, ...more, setTimeout(patience, false, { ref: false })]);
    if (await done(killPatience, refused)) return;
    const pid = await initOf(this.#place.bundle);
    if (pid !== undefined) killProcess(pid);
    if (!(await done(shimPatience))) await this.killShim();
  }

  /** Sets the size of the container's terminal, in characters. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#service.resize(this.id, columns, rows);
  }

  async pause(): Promise<void> {
    await this.#service.pause(this.id);
  }

  async resume(): Promise<void> {
    await this.#service.resume(this.id);
  }

  async state(): Promise<TaskState> {
    return this.#service.state(this.id);
  }

  /** Whether the container has ended, or nobody is left who could tell: what was asked of it failed of that, then. */
  async hasEnded(): Promise<boolean> {
    const { status } = (await this.state().catch(() => undefined)) ?? {};
    return status !== "running" && status !== "paused" && status !== "pausing";
  }

  /**
   * Makes a process in the running container; it runs when it is started.
   * @param exec names it in this container
   */
  async createExec(exec: string, options: ExecOptions): Promise<ExecTask> {
    return ExecTask.create(this.#execPlace(exec), options);
  }

  /** Those that an earlier supervisor has left: they may run, or have ended. */
  async leftExecs(): Promise<ExecTask[]> {
    return (await listExecs(this.#place.bundle)).map((exec) => ExecTask.reconnect(this.#execPlace(exec)));
  }

  #execPlace(exec: string) {
    return { service: this.#service, id: this.id, exec, bundle: this.#place.bundle };
  }

  /** Sets limits; what is absent stays as it is. @throws {Failure} with the words of the runtime */
  async update(resources: Partial<OciResources>): Promise<void> {
    await this.#service.update(this.id, resources);
  }

  /** Host process ids of everything in the container. */
  async pids(): Promise<number[]> {
    return this.#service.pids(this.id);
  }

  /** Ends the container's input, after `streams.stdin` was ended: the shim holds the FIFO open too. */
  async closeInput(): Promise<void> {
    await this.#service.closeInput(this.id);
  }

  /**
   * Removes the ended (or never started) container, ends the shim, removes their files from the bundle.
   * @returns how it ended; undefined when the shim could not tell any more
   * @throws {Failure} and leaves all as it is when the container still runs
   */
  async delete(): Promise<TaskExit | undefined> {
    let exit: TaskExit | undefined;
    let before: TaskState | undefined;
    try {
      before = await this.state();
      // A process that was never started still holds its output open, for which the shim would wait two seconds.
      if (before.status === "created") {
        killProcess(before.pid);
        exit = await this.wait();
      }
      exit = await this.#service.delete(this.id);
    } catch (error) {
      if (before?.status === "running" || before?.status === "paused") throw error;
      // A runtime that cannot delete what has ended; or the shim knows nothing, whose runtime was killed while it made it.
      if (before === undefined || (!isFailure(error, "unavailable") && !isFailure(error, "not-found"))) {
        await this.abandon();
        return exit ?? before?.exit;
      }
    }
    await this.#end();
    return exit;
  }

  /** Ends everything without asking the shim: for one that does not answer, or cannot do what it was asked. */
  async abandon(): Promise<void> {
    this.release();
    await removeLeftovers(this.#place);
  }

  /** Kills the shim alone; whatever waits for an answer of it then fails. */
  async killShim(): Promise<void> {
    await ShimTask.killShimIn(this.#place.bundle);
  }

  /** As {@link killShim}, of a task that somebody still waits for. */
  static async killShimIn(bundle: string): Promise<void> {
    await killWorkersIn(bundle);
  }

  /** Leaves the container and its shim running and forgets them. */
  release(): void {
    this.#client.close();
    this.#log[Symbol.dispose]();
  }

  /** Ends the shim, by force if it does not go by itself, and removes what is left. */
  async #end(): Promise<void> {
    const pid = await this.#service.shimPid(this.id).catch(() => undefined);
    // The shim may hang up before it has answered.
    await this.#service.shutdown(this.id).catch(() => undefined);
    const gone = pid !== undefined && (await this.#client.closedWithin(shutdownPatience));
    if (!gone && pid !== undefined) killProcess(pid);
    this.release();
    if (gone) removeFiles(this.#place);
    else await removeLeftovers(this.#place);
  }
}

/** Milliseconds that a shim has for ending after it was told to. */
const shutdownPatience = 5000;

const SIGKILL = 9;

/** Milliseconds from the order to kill to the end; then the first process is killed without the runtime. */
const killPatience = 2000;

/** Milliseconds in which a shim is to tell that its process has ended. A runtime that hangs holds it up for ever. */
const shimPatience = 10_000;

function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
