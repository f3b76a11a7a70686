/**
 * One container under a containerd shim. The shim outlives this process, holds the container's terminal and pipes,
 * and tells how it ended; whoever knows the bundle can find it again.
 */
import { rm, rmdir } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { Failure, isFailure } from "../errors.ts";
import { ExecTask, listExecs, type ExecOptions } from "./exec_task.ts";
import { drainFifo, makeFifo, openFifoReader, openFifoWriter } from "./fifo.ts";
import type { OciResources } from "./oci_spec.ts";
import { runtimeFailure } from "./runtime_failure.ts";
import { deleteShimLeftovers, shimAddress, startShim, type ShimPlace } from "./shim_process.ts";
import { TaskService, type TaskExit, type TaskState } from "./task_service.ts";
import { TtrpcClient } from "./ttrpc.ts";
import { AT_FDCWD, O_NONBLOCK, O_RDONLY, close, openAt, userNamespace } from "../sys/index.ts";
import { fromText } from "../byte_string.ts";
import { words } from "./words.ts";

export interface CreateTaskOptions extends ShimPlace {
  /** The OCI runtime that the shim runs: a path, or a name in PATH. */
  readonly runtime: string;
  /** Must equal `process.terminal` of the bundle's `config.json`; stderr is then part of stdout. */
  readonly terminal: boolean;
  /** Whether the container reads what {@link TaskStreams.stdin} is given; otherwise it reads /dev/null. */
  readonly stdin: boolean;
}

/** This process's ends of the container's FIFOs. The owner ends or destroys each. */
export interface TaskStreams {
  readonly stdin: Socket | undefined;
  readonly stdout: Socket;
  /** Undefined with a terminal. */
  readonly stderr: Socket | undefined;
}

/** What shim and runtime leave in a bundle, and what is made there for them. */
const bundleFiles = words(
  "address init.pid log log.json options.json output runc runtime stdin stdout stderr",
);

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
   * Starts a shim in the bundle, which holds `config.json`, and makes the container, its process not yet running.
   * The root filesystem is where `root.path` says; it must not be mounted on `<bundle>/rootfs`, which the shim
   * unmounts when it ends. Undoes everything when it fails; a bundle that is in use is left alone.
   * @throws {Failure} in Docker's words; {@link exitCodeOfFailure} tells what `docker run` would end with
   */
  static async create(options: CreateTaskOptions): Promise<{ task: ShimTask; streams: TaskStreams }> {
    const { task, opened: streams } = await ShimTask.#create(options, () => openStreams(options));
    return { task, streams };
  }

  /** As {@link create}, but leaves the output to whoever taps the FIFOs `stdout` and `stderr` of the bundle. */
  static async createTapped(
    options: CreateTaskOptions,
  ): Promise<{ task: ShimTask; stdin: Socket | undefined }> {
    const { task, opened } = await ShimTask.#create(options, () => ({
      stdin: options.stdin ? openFifoWriter(join(options.bundle, "stdin")) : undefined,
    }));
    return { task, stdin: opened.stdin };
  }

  static async #create<T extends Partial<TaskStreams>>(
    options: CreateTaskOptions,
    open: () => T,
  ): Promise<{ task: ShimTask; opened: T }> {
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
      await task.#service.create({
        id: options.id,
        bundle: options.bundle,
        terminal: options.terminal,
        stdin: options.stdin ? path("stdin") : "",
        stdout: path("stdout"),
        stderr: options.terminal ? "" : path("stderr"),
        runtime: options.runtime,
        runtimeRoot: path("runc"),
      });
      return { task, opened };
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
    try {
      // A process that was never started still holds its output open, for which the shim would wait two seconds.
      if ((await this.state()).status === "created") await this.#killAndWait();
      exit = await this.#service.delete(this.id);
    } catch (error) {
      if (!isFailure(error, "unavailable") && !isFailure(error, "not-found")) throw error;
    }
    await this.#end();
    return exit;
  }

  async #killAndWait(): Promise<void> {
    await this.kill(9);
    await this.wait();
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
    if (!gone && pid !== undefined) process.kill(pid, "SIGKILL");
    this.release();
    if (gone) await removeFiles(this.#place);
    else await removeLeftovers(this.#place);
  }
}

/** Milliseconds that a shim has for ending after it was told to. */
const shutdownPatience = 5000;

/**
 * The FIFO for the shim's log is made first and doubles as the claim on the bundle. The shim does not come up before
 * somebody reads it.
 */
function claimBundle(bundle: string): Disposable {
  const log = join(bundle, "log");
  try {
    makeFifo(log);
  } catch (cause) {
    if (!isFailure(cause, "conflict")) throw cause;
    throw new Failure("conflict", `create a container in ${bundle}: the directory holds one already`, {
      cause,
    });
  }
  return drainFifo(log);
}

type StreamChoice = Pick<CreateTaskOptions, "bundle" | "terminal" | "stdin">;

function streamNames(choice: StreamChoice): string[] {
  return [...(choice.stdin ? ["stdin"] : []), "stdout", ...(choice.terminal ? [] : ["stderr"])];
}

function openStreams(choice: StreamChoice): TaskStreams {
  return {
    stdin: choice.stdin ? openFifoWriter(join(choice.bundle, "stdin")) : undefined,
    stdout: openFifoReader(join(choice.bundle, "stdout")),
    stderr: choice.terminal ? undefined : openFifoReader(join(choice.bundle, "stderr")),
  };
}

/**
 * Starts the shim with reading ends of the output's FIFOs in its hands. What is in a FIFO is lost when its last holder
 * goes: so the end of a container's output waits for its reader, even if all other processes have gone.
 */
async function startKeeping(options: CreateTaskOptions): Promise<string> {
  const names = streamNames(options).filter((name) => name !== "stdin");
  const held = names.map((name) =>
    openAt(AT_FDCWD, fromText(join(options.bundle, name)), O_RDONLY | O_NONBLOCK),
  );
  try {
    return await startShim(options, held);
  } finally {
    for (const fd of held) close(fd);
  }
}

function destroyStreams(streams: Partial<TaskStreams> | undefined): void {
  streams?.stdin?.destroy();
  streams?.stdout?.destroy();
  streams?.stderr?.destroy();
}

async function removeLeftovers(place: ShimPlace): Promise<void> {
  await deleteShimLeftovers(place);
  await removeFiles(place);
}

/** Never removes the bundle as a tree: the caller may have mounted something in it. */
async function removeFiles(place: ShimPlace): Promise<void> {
  for (const name of bundleFiles) await rm(join(place.bundle, name), { recursive: true, force: true });
}

/** Takes `config.json` and the bundle away; a bundle in which something else lies stays. */
export async function removeConfig(bundle: string): Promise<void> {
  await rm(join(bundle, "config.json"), { force: true });
  await rmdir(bundle).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "EBUSY" && error.code !== "ENOENT") throw error;
  });
}
