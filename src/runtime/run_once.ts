/**
 * A container that lives no longer than this call, run by `runc run` itself: no shim, which is there to outlive us.
 * Half the time of a run with one.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../errors.ts";
import { goJson } from "../oci/index.ts";
import { flock } from "../sys/index.ts";
import { HeldOutput, type OutputTaker } from "./held_output.ts";
import type { OciSpec } from "./oci_spec.ts";
import { exitCodeOfFailure, runtimeFailure } from "./runtime_failure.ts";

export interface RunOncePlace {
  /** Path of the OCI runtime. */
  readonly runtime: string;
  /** A directory of this container alone; all that the runtime writes lies in it. */
  readonly bundle: string;
  readonly id: string;
}

export interface RunOnceOptions extends RunOncePlace {
  /** With `process.terminal` our own terminal becomes the container's. */
  readonly spec: OciSpec;
  /** Takes what the container prints; undefined: our own streams are the container's. */
  readonly onOutput?: (stream: "stdout" | "stderr", chunk: Uint8Array) => void;
  /** Holds that up: see `OutputTaker`. */
  readonly pace?: OutputTaker["pace"];
  /** Aborting kills the container and fails with `cancelled`. */
  readonly signal: AbortSignal;
}

/**
 * Runs the container to its end; its input is empty unless it has our streams. The bundle is the caller's to remove.
 * @returns the exit code, 128 + n after signal n
 * @throws {Failure} in Docker's words when it cannot be started ({@link exitCodeOfFailure} gives 125, 126 or 127),
 *   `cancelled`. Nothing of the container lives then.
 */
export async function runOnce(options: RunOnceOptions): Promise<number> {
  const { bundle, spec, signal } = options;
  if (signal.aborted) throw cancelled(options);
  await writeFile(join(bundle, "config.json"), goJson(spec), { mode: 0o600 });
  const child = start(options);
  using undo = new DisposableStack();
  undo.use(killWhenAborted(child, options));
  const { onOutput, pace } = options;
  const output = onOutput && new HeldOutput(child, () => hasStarted(bundle), { onOutput, pace, signal });
  const end = await ended(child);
  if (end.signal !== null) await removeLeftovers(options);
  if (signal.aborted) throw cancelled(options);
  if (!hasStarted(bundle)) throw startFailure(options, end, output?.held ?? "");
  output?.flush();
  return end.code ?? 128 + SIGKILL;
}

const SIGKILL = 9;

/**
 * Kills what a run whose process has died left of a container, and has the runtime forget it; nothing is no error. The
 * runtime's process lives on without us, and may be about to make the container: so again until it has ended.
 */
export async function removeLeftovers(place: RunOncePlace): Promise<void> {
  do {
    const child = spawn(place.runtime, [...globalFlags(place), "delete", "--force", place.id], {
      stdio: "ignore",
      env: environment(),
    });
    await ended(child);
  } while (isRuntimeAlive(place.bundle) && (await delay(interval, true)));
}

/** Held by the runtime's process, which inherits it. */
const lockFile = (bundle: string): string => join(bundle, "lock");

function isRuntimeAlive(bundle: string): boolean {
  if (!existsSync(lockFile(bundle))) return false;
  const fd = openSync(lockFile(bundle), "r");
  try {
    return !flock(fd, "exclusive");
  } finally {
    closeSync(fd);
  }
}

/** Written by the runtime once the container's process runs. */
export const pidFile = (bundle: string): string => join(bundle, "pid");
const logFile = (bundle: string): string => join(bundle, "log.json");

function globalFlags({ bundle }: RunOncePlace): string[] {
  return ["--root", join(bundle, stateFolder), "--log", logFile(bundle), "--log-format", "json"];
}

/** Name in the bundle of where the runtime keeps what it knows of the container (`--root`). */
export const stateFolder = "state";

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"] };
}

function start(options: RunOnceOptions): ChildProcess {
  const isPiped = options.onOutput !== undefined;
  const streams = isPiped ? piped : (["inherit", "inherit", "inherit"] as const);
  return spawnRun(options, [], { stdio: streams, detached: isPiped });
}

const piped = ["ignore", "pipe", "pipe"] as const;

type Stream = "ignore" | "inherit" | "pipe";

/** @param flags of the runtime's `run` @param detached in a session of its own: Ctrl-C at our terminal is ours to deal with */
export function spawnRun(
  place: RunOncePlace,
  flags: readonly string[],
  { stdio, detached }: { readonly stdio: readonly [Stream, Stream, Stream]; readonly detached: boolean },
): ChildProcess {
  const { runtime, bundle, id } = place;
  const own = ["run", ...flags, "--bundle", bundle, "--pid-file", pidFile(bundle), id];
  const lock = openSync(lockFile(bundle), "a", 0o600);
  try {
    flock(lock, "exclusive");
    const options = { stdio: [...stdio, lock], env: environment(), detached };
    return spawn(runtime, [...globalFlags(place), ...own], options);
  } finally {
    closeSync(lock);
  }
}

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** When it has ended and all its output was read. */
export function ended(child: ChildProcess): Promise<End> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new Failure("unsupported", `${child.spawnfile}: ${cause.message}`, { cause })),
    );
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

function hasStarted(bundle: string): boolean {
  return existsSync(pidFile(bundle));
}

/** Milliseconds between two looks at whether the container's process runs. */
const interval = 10;

/**
 * At the abort kills the container's first process, and with it all, as soon as there is one. The runtime then cleans up
 * by itself; killed before, it would leave half a container.
 */
function killWhenAborted(child: ChildProcess, { bundle, signal }: RunOnceOptions): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const kill = (): void => {
    const pid = Number(readIfThere(pidFile(bundle)));
    if (child.exitCode !== null || child.signalCode !== null) return;
    if (pid > 0) killIfThere(pid);
    else timer = setTimeout(kill, interval);
  };
  signal.addEventListener("abort", kill);
  return {
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", kill);
      clearTimeout(timer);
    },
  };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, SIGKILL);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return "";
  }
}

function cancelled({ id }: RunOncePlace): Failure {
  return new Failure("cancelled", `run container ${id.slice(0, 12)}: cancelled`);
}

/** The runtime's last word, as Docker prints it: what runc calls a failed `run` is a failed `create` there. */
export function startFailure({ bundle }: RunOncePlace, end: End, stderr: string): unknown {
  const said = lastError(readIfThere(logFile(bundle))) || stderr.trim() || `it ended with ${end.code}`;
  const text = said.replace(/^runc run failed/, "runc create failed");
  const failure = new Failure("internal", `OCI runtime create failed: ${text}`);
  const known = exitCodeOfFailure(failure) === 125 ? failure : new Failure("invalid", failure.message);
  return runtimeFailure("create", known);
}

/** Lines of the log are objects with `level` and `msg`. */
function lastError(log: string): string {
  for (const line of log.trim().split("\n").reverse()) {
    try {
      const { level, msg } = JSON.parse(line) as { level?: unknown; msg?: unknown };
      if (level === "error" && typeof msg === "string") return msg;
    } catch {
      // Cut off, or of another runtime's making.
    }
  }
  return "";
}
