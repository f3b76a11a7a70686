/** The state of a container as records and reality have it together. */
import { existsSync, readFileSync } from "node:fs";
import { isDiskFull, type Store } from "../../store/index.ts";
import { runMountsFolder } from "../volumes/run_mounts_folder.ts";
import { bundleDirectory } from "./bundle.ts";
import { never, readRecord, type ContainerRecord } from "./record.ts";
import { unlessSupervised } from "./supervision.ts";
import { updateRecord } from "./update_record.ts";

export type Status = "created" | "running" | "paused" | "restarting" | "exited" | "dead" | "removing";

/** As in Docker, a container that could not be started stays "created", whatever exit code its record has. */
export function statusOf(record: ContainerRecord): Status {
  const { State: state } = record;
  if (state.RemovalInProgress) return "removing";
  if (state.Dead) return "dead";
  if (state.Paused) return "paused";
  if (state.Restarting) return "restarting";
  if (state.Running) return "running";
  return state.StartedAt === never ? "created" : "exited";
}

/** Milliseconds by which a process may seem younger than the container that it runs: clocks are set, too. */
const slack = 10_000;

/** Whether the process that a running record names still exists, and is not another one that got its number since. */
export function isAlive({ State: { Running, Pid, StartedAt } }: ContainerRecord): boolean {
  if (!Running || Pid <= 0) return false;
  const born = processStart(Pid);
  if (born === undefined) return false;
  const started = Date.parse(StartedAt);
  return Number.isNaN(started) || StartedAt === never || born <= started + slack;
}

/**
 * When a process began, in milliseconds since 1970 (proc(5), /proc/PID/stat, fields 3 and 22); undefined: there is none,
 * or it has ended and only its parent has not heard of it.
 */
function processStart(pid: number): number | undefined {
  try {
    const fields = statFields(pid);
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    const boot = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1];
    // The kernel counts in hundredths of a second here, whatever its own clock does.
    return Number(boot) * 1000 + Number(fields[19]) * 10;
  } catch {
    return undefined;
  }
}

/** From the third on (proc(5), /proc/PID/stat). The second, in brackets, may hold anything. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** PF_EXITING (linux/sched.h). */
const exiting = 0x4;

/**
 * Whether a process has ended, or is about to: the first one of a PID namespace takes all others along before it has ended
 * itself (pid_namespaces(7)), and what is begun in it then fails.
 */
export function isEnding(pid: number): boolean {
  try {
    const [state = "", , , , , , flags] = statFields(pid);
    return "ZX".includes(state) || (Number(flags) & exiting) !== 0;
  } catch {
    return true;
  }
}

/**
 * Sets the record right where it and reality differ, unless a supervisor lives, who will do so itself:
 *
 * - it says `Running` but the process is gone: the supervisor was killed, or the container was detached from, or the
 *   machine restarted. Then the container has exited, with the code that its shim still knows or Docker's for
 *   "unknown", and what is left of the run is taken away;
 * - it says nothing but a process runs: the supervisor was killed before it could write that down.
 */
export async function reconcile(store: Store, record: ContainerRecord): Promise<ContainerRecord> {
  if (isSettled(store, record)) return record;
  const settled = await unlessSupervised(store, record.ID, async () => {
    const now = readRecord(store.root, record.ID);
    if (now === undefined || isSettled(store, now)) return now ?? record;
    return settle(store, now);
  });
  // Who supervises it may have changed it since it was read, or be removing it.
  return settled ?? readRecord(store.root, record.ID) ?? record;
}

function isSettled(store: Store, record: ContainerRecord): boolean {
  if (record.State.Running) return isAlive(record);
  const left = [bundleDirectory(store.root, record.ID), runMountsFolder(store, record.ID)];
  return !left.some((folder) => existsSync(folder));
}

async function settle(store: Store, record: ContainerRecord): Promise<ContainerRecord> {
  const { orphanPid, settleRun } = await import("./settle.ts");
  const { ended, notRestarted, running, unknownExit } = await import("./record_changes.ts");
  const { State, ID } = record;
  const pid = State.Running ? undefined : await orphanPid(store, ID);
  // A shim may not have heard of an end yet.
  const startedAt = pid === undefined ? undefined : processStart(pid);
  if (pid !== undefined && startedAt !== undefined) {
    const change = running({ pid, startedAt });
    return (await updateRecord(store, ID, change)) ?? record;
  }
  let right = record;
  await settleRun(store, ID, async (exit) => {
    if (!State.Running && exit === undefined) return "written";
    // Nobody is left who would start it again; its last end is on record.
    const waited = State.Restarting && exit === undefined;
    const change = waited ? notRestarted : ended(exit ?? unknownExit());
    // What is told is right, also if the disk is full.
    right = change(record);
    try {
      await updateRecord(store, ID, change);
      return "written";
    } catch (error) {
      if (isDiskFull(error)) return "unwritten";
      throw error;
    }
  });
  return right;
}
