/** The state of a container as records and reality have it together. */
import { existsSync } from "node:fs";
import { containerDirectory, never, writeRecord, type ContainerRecord } from "./record.ts";

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
 * container has exited, with Docker's code for "unknown", and the record is set right.
 */
export async function reconcile(root: string, record: ContainerRecord): Promise<ContainerRecord> {
  if (!record.State.Running || isAlive(record)) return record;
  const State = { ...record.State, Running: false, Paused: false, Pid: 0, ExitCode: 255 };
  if (existsSync(containerDirectory(root, record.ID))) await writeRecord(root, { ...record, State });
  return { ...record, State };
}
