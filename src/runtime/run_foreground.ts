/** `docker run` without `-d`: the container's life is tied to this call, its stdio to the given streams. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { Failure } from "../errors.ts";
import { goJson } from "../oci/index.ts";
import { defaultDetachKeys, parseDetachKeys } from "./detach_keys.ts";
import { attachStreams } from "./attach_streams.ts";
import type { RuntimePrograms } from "./find_runtime.ts";
import type { OciSpec } from "./oci_spec.ts";
import { oomCounterOf, wasOutOfMemory } from "./oom.ts";
import type { ShimPlace } from "./shim_process.ts";
import { ShimTask } from "./shim_task.ts";
import { removeConfig, type TaskStreams } from "./task_bundle.ts";
import { proxySignals } from "./signal_proxy.ts";

export interface RunForegroundOptions {
  readonly programs: RuntimePrograms;
  /**
   * A directory of this container alone, made if missing; `config.json`, FIFOs and runtime state lie there while
   * it runs. Removed at the end unless the caller keeps something in it. `<bundle>/rootfs` must not be mounted.
   */
  readonly bundle: string;
  readonly id: string;
  /** `process.terminal` says whether the container gets a terminal. */
  readonly spec: OciSpec;
  /** Whether `stdin` is passed on (`-i`). */
  readonly interactive: boolean;
  readonly stdin: Readable;
  readonly stdout: Writable;
  /** Unused with a terminal. */
  readonly stderr: Writable;
  /** Pass the signals that this process gets on to the container; default true. */
  readonly proxySignals?: boolean;
  /** With a terminal: keys that leave the container running; "" for none; default ctrl-p,ctrl-q. */
  readonly detachKeys?: string;
  /** Aborting kills the container and fails with `cancelled`. */
  readonly signal: AbortSignal;
  /** Called with the host's process id once the container's process runs. */
  readonly onStarted?: (pid: number) => void;
}

export type ForegroundResult =
  /** `exitCode` is 128 + n when signal n ended it. */
  | {
      readonly kind: "exited";
      readonly exitCode: number;
      readonly exitedAt: Date;
      /** The kernel killed one of its processes for want of memory. */
      readonly oomKilled: boolean;
    }
  /** The user typed the detach keys: container and shim live on; find them with `ShimTask.reconnect`. */
  | { readonly kind: "detached" };

/**
 * Runs a container until it ends.
 * @throws {Failure} in Docker's words when it cannot be started ({@link exitCodeOfFailure} gives 125, 126 or 127),
 *   `cancelled` when `signal` was aborted. Nothing of the container is left then.
 */
export async function runForeground(options: RunForegroundOptions): Promise<ForegroundResult> {
  if (options.signal.aborted) throw cancelled(options);
  const terminal = options.spec.process.terminal === true;
  const detachKeys = parseDetachKeys(terminal ? (options.detachKeys ?? defaultDetachKeys) : "");
  await mkdir(options.bundle, { recursive: true, mode: 0o700 });
  await writeConfig(options);
  let detached = false;
  try {
    const { task, pid, streams } = await ShimTask.create({
      ...placeOf(options),
      runtime: options.programs.runtime,
      terminal,
      stdin: options.interactive,
    });
    const result = await superviseTask(task, pid, streams, options, detachKeys);
    detached = result.kind === "detached";
    return result;
  } finally {
    if (!detached) await removeConfig(options.bundle);
  }
}

/** Fails rather than takes the config of a container that is there. */
async function writeConfig(options: RunForegroundOptions): Promise<void> {
  const path = join(options.bundle, "config.json");
  try {
    await writeFile(path, goJson(withConsoleSize(options)), { mode: 0o600, flag: "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new Failure("conflict", `run a container in ${options.bundle}: the directory holds one already`, {
      hint: "If it has ended, ShimTask.reconnect finds it, or ShimTask.removeLeftovers cleans up after it.",
      cause,
    });
  }
}

function placeOf(options: RunForegroundOptions): ShimPlace {
  return { shim: options.programs.shim, bundle: options.bundle, id: options.id };
}

function cancelled(options: RunForegroundOptions): Failure {
  return new Failure("cancelled", `run container ${options.id.slice(0, 12)}: cancelled`);
}

/** The terminal begins with the user's size, or the program would draw twice. */
function withConsoleSize({ spec, stdout }: RunForegroundOptions): OciSpec {
  const { columns, rows } = stdout as { columns?: number; rows?: number };
  if (spec.process.terminal !== true || spec.process.consoleSize || !columns || !rows) return spec;
  return { ...spec, process: { ...spec.process, consoleSize: { height: rows, width: columns } } };
}

async function superviseTask(
  task: ShimTask,
  created: number,
  streams: TaskStreams,
  options: RunForegroundOptions,
  detachKeys: Uint8Array,
): Promise<ForegroundResult> {
  const kill = (): void => void task.kill(SIGKILL).catch(() => undefined);
  using attachment = attachStreams(task, streams, {
    ...options,
    terminal: streams.stderr === undefined,
    detachKeys,
    onOutputClosed: kill,
  });
  options.signal.addEventListener("abort", kill);
  using undo = new DisposableStack();
  let owned = true;
  try {
    const exited = task.wait();
    exited.catch(() => undefined);
    // Before the start: what is killed at once has no cgroup to ask any more.
    const counter = await oomCounterOf(created);
    const starting = task.start();
    undo.use(proxyTo(task, starting, options));
    const pid = await starting;
    attachment.started();
    options.onStarted?.(pid);
    if (options.signal.aborted) kill();
    const exit = await Promise.race([exited, attachment.detached]);
    if (exit === "detached") {
      owned = false;
      task.release();
      return { kind: "detached" };
    }
    const oomKilled = await wasOutOfMemory(counter);
    // Before `delete`: the shim waits only two seconds for its copying, then drops what was not read.
    await attachment.drained;
    owned = false;
    await task.delete();
    if (options.signal.aborted) throw cancelled(options);
    return { kind: "exited", exitCode: exit.status, exitedAt: exit.exitedAt, oomKilled };
  } finally {
    options.signal.removeEventListener("abort", kill);
    if (owned) await discard(task, options);
  }
}

const SIGKILL = 9;

/** With a terminal the size travels by itself (`attachStreams`), and the kernel makes the container's SIGWINCH. */
function proxyTo(
  task: ShimTask,
  starting: Promise<number>,
  options: RunForegroundOptions,
): Disposable | undefined {
  if (options.proxySignals === false) return undefined;
  // One that comes too early waits for the start; one that comes too late is lost, as with kill(2).
  const deliver = (signal: number): void =>
    void starting.then(() => task.kill(signal)).catch(() => undefined);
  return proxySignals(deliver, options.spec.process.terminal === true ? ["SIGWINCH"] : []);
}

/** Takes away a container that could not be started or whose shim went away; never hides the first failure. */
async function discard(task: ShimTask, options: RunForegroundOptions): Promise<void> {
  try {
    await task.kill(SIGKILL);
    await task.wait();
  } catch {
    // Never started, ended already, or no shim to ask.
  }
  await task.delete().catch(() => ShimTask.removeLeftovers(placeOf(options)));
}
