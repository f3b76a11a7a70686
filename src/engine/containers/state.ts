/** The state of a container as records and reality have it together. */
import { existsSync, readFileSync } from "node:fs";
import type { Store } from "../../store/index.ts";
import { goTime } from "../time.ts";
import { containerDirectory, never, readRecord, writeRecord, type ContainerRecord } from "./record.ts";
import { unlessSupervised } from "./supervision.ts";

export type Status = "created" | "running" | "paused" | "exited" | "dead" | "removing";

/** As in Docker, a container that could not be started stays "created", whatever exit code its record has. */
export function statusOf(record: ContainerRecord): Status {
  const { State: state } = record;
  if (state.RemovalInProgress) return "removing";
  if (state.Dead) return "dead";
  if (state.Paused) return "paused";
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

/** When a process began, in milliseconds since 1970; undefined: there is none (proc(5), /proc/PID/stat, field 22). */
function processStart(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field, in brackets, may hold anything.
    const ticks = Number(fields.slice(fields.lastIndexOf(")") + 2).split(" ")[19]);
    const boot = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1];
    // The kernel counts in hundredths of a second here, whatever its own clock does.
    return Number(boot) * 1000 + ticks * 10;
  } catch {
    return undefined;
  }
}

/**
 * A record says `Running` but its process is gone: the supervisor was killed, or the container was detached from, or the
 * machine restarted. Then the container has exited, with the code that its shim still knows or Docker's for "unknown";
 * what is left of the run is taken away and the record is set right. While a supervisor lives, it will do so itself.
 */
export async function reconcile(store: Store, record: ContainerRecord): Promise<ContainerRecord> {
  if (!record.State.Running || isAlive(record)) return record;
  const settled = await unlessSupervised(store, record.ID, async () => {
    const now = readRecord(store.root, record.ID) ?? record;
    if (!now.State.Running || isAlive(now)) return now;
    const { settleRun } = await import("./settle.ts");
    const exit = await settleRun(store, now.ID);
    const ended: ContainerRecord = {
      ...now,
      State: {
        ...now.State,
        Running: false,
        Paused: false,
        Pid: 0,
        ExitCode: exit?.status ?? 255,
        FinishedAt: goTime(exit?.exitedAt.getTime() ?? Date.now()),
      },
    };
    if (existsSync(containerDirectory(store.root, now.ID))) await writeRecord(store.root, ended);
    return ended;
  });
  return settled ?? record;
}
