/** What lies in the bundle of a task: FIFOs, what shim and runtime keep there. */
import { rmSync } from "node:fs";
import { readFile, rm, rmdir } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { fromText } from "../byte_string.ts";
import { Failure, isFailure } from "../errors.ts";
import { AT_FDCWD, O_NONBLOCK, O_RDONLY, close, openAt } from "../sys/index.ts";
import { cgroupsOf, killWorkersIn, removeCgroups } from "./end_leftovers.ts";
import { drainFifo, makeFifo, openFifoReader, openFifoWriter } from "./fifo.ts";
import { deleteShimLeftovers, shimNamespace, startShim, type ShimPlace } from "./shim_process.ts";
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
 * The FIFO for the shim's log is made first and doubles as the claim on the bundle. The shim does not come up before
 * somebody reads it.
 */
export function claimBundle(bundle: string): Disposable {
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

export function streamNames(choice: StreamChoice): string[] {
  return [...(choice.stdin ? ["stdin"] : []), "stdout", ...(choice.terminal ? [] : ["stderr"])];
}

export function openStreams(choice: StreamChoice): TaskStreams {
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
export async function startKeeping(options: CreateTaskOptions): Promise<string> {
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

export function destroyStreams(streams: Partial<TaskStreams> | undefined): void {
  streams?.stdin?.destroy();
  streams?.stdout?.destroy();
  streams?.stderr?.destroy();
}

export async function removeLeftovers(place: ShimPlace): Promise<void> {
  const cgroups = cgroupsOf(place.bundle, join(place.bundle, "runc", shimNamespace, place.id));
  // A shim that still comes up after its maker was killed would otherwise stay.
  await killWorkersIn(place.bundle);
  await deleteShimLeftovers(place);
  await removeCgroups(cgroups);
  removeFiles(place);
}

/** Never removes the bundle as a tree: the caller may have mounted something in it. */
export function removeFiles(place: ShimPlace): void {
  // A dozen small ones: sent to the thread pool one by one they would take ten times as long.
  for (const name of bundleFiles) rmSync(join(place.bundle, name), { recursive: true, force: true });
}

/** Takes `config.json` and the bundle away; a bundle in which something else lies stays. */
export async function removeConfig(bundle: string): Promise<void> {
  await rm(join(bundle, "config.json"), { force: true });
  await rmdir(bundle).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "EBUSY" && error.code !== "ENOENT") throw error;
  });
}

/** As runc has written it down. */
export async function initOf(bundle: string): Promise<number | undefined> {
  const pid = Number(await readFile(join(bundle, "init.pid"), "utf8").catch(() => ""));
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}
