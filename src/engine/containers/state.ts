/** The state of a container as records and reality have it together. */
import { existsSync } from "node:fs";
import type { Store } from "../../store/index.ts";
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

/** Whether the process that a running record names still exists. */
export function isAlive(record: ContainerRecord): boolean {
  return record.State.Running && record.State.Pid > 0 && existsSync(`/proc/${record.State.Pid}`);
}

/**
 * A record says `Running` but its process is gone: the supervisor was killed, or the machine restarted. Then the
 * container has exited, with Docker's code for "unknown", and the record is set right. While a supervisor lives, it
 * will write the end itself.
 */
export async function reconcile(store: Store, record: ContainerRecord): Promise<ContainerRecord> {
  if (!record.State.Running || isAlive(record)) return record;
  const settled = await unlessSupervised(store, record.ID, async () => {
    const now = readRecord(store.root, record.ID) ?? record;
    if (!now.State.Running || isAlive(now)) return now;
    const State = { ...now.State, Running: false, Paused: false, Pid: 0, ExitCode: 255 };
    if (existsSync(containerDirectory(store.root, now.ID))) await writeRecord(store.root, { ...now, State });
    return { ...now, State };
  });
  return settled ?? record;
}
