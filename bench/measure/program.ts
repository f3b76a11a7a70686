/** Starting programs, and ending them. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Cgroup, inCgroup } from "./cgroup.ts";

export interface ProgramOptions {
  /** Default: none. Entering one takes some 25 ms, as long as a short command itself. */
  readonly cgroup?: Cgroup;
  readonly signal: AbortSignal;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Finished {
  /** From start to exit. */
  readonly seconds: number;
  /** The most memory of the process that was started, not of its children, in bytes. */
  readonly peakMemory: number;
}

/** Path of a program that is installed. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Milliseconds between two looks at a process' memory. The kernel keeps the peak, so few are enough. */
const interval = 25;

/** Runs a program to its end. @throws Error with its last words if it fails; the signal's reason */
export async function run(command: readonly string[], options: ProgramOptions): Promise<Finished> {
  const [program = "", ...args] = options.cgroup === undefined ? command : inCgroup(options.cgroup, command);
  const start = performance.now();
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...options.environment },
  });
  const said = lastWords(child);
  let peakMemory = 0;
  const timer = setInterval(() => (peakMemory = Math.max(peakMemory, peakOf(child))), interval);
  const kill = (): void => void child.kill("SIGKILL");
  options.signal.addEventListener("abort", kill);
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    const seconds = (performance.now() - start) / 1000;
    options.signal.throwIfAborted();
    if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${await said}`);
    return { seconds, peakMemory };
  } finally {
    clearInterval(timer);
    options.signal.removeEventListener("abort", kill);
  }
}

/** The end of what it writes to its standard error, when that is closed. */
export async function lastWords(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of child.stderr as AsyncIterable<Buffer>)
    text = (text + chunk.toString()).slice(-2000);
  return text.trim();
}

function peakOf({ pid }: ChildProcess): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

export interface Daemon extends AsyncDisposable {
  readonly pid: number;
  /** Rejects if it ends before it is told to. */
  readonly ended: Promise<never>;
}

/** Starts a program that stays. Disposing asks it to end and waits. */
export function start(command: readonly string[], options: ProgramOptions): Daemon {
  const [program = "", ...args] = options.cgroup === undefined ? command : inCgroup(options.cgroup, command);
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...options.environment },
    // Ctrl-C is for the benchmark, which then ends its daemons in order.
    detached: true,
  });
  const said = lastWords(child);
  const closed = once(child, "close");
  const ended = closed.then(async ([code]): Promise<never> => {
    throw new Error(`${command[0]} ended with ${code}: ${await said}`);
  });
  ended.catch(() => undefined);
  return {
    // None: it could not be started, and `ended` says so.
    pid: child.pid ?? 0,
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await closed;
    },
  };
}

/**
 * Waits until `isReady`, which may throw while it is not.
 * @param pause milliseconds between two looks
 * @throws what the daemon ended with; Error after a minute
 */
export async function untilReady(
  daemon: Daemon,
  isReady: () => Promise<boolean>,
  signal: AbortSignal,
  pause = 100,
): Promise<void> {
  for (const end = performance.now() + 60_000; performance.now() < end;) {
    signal.throwIfAborted();
    if (await isReady().catch(() => false)) return;
    await Promise.race([new Promise((resolve) => setTimeout(resolve, pause)), daemon.ended]);
  }
  throw new Error("a daemon did not come up within a minute");
}
