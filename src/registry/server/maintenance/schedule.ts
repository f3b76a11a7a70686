/**
 * Who does what is to be done once an interval: time is cut into slots, and `varve/schedule/<work>/<slot>` belongs to the
 * instance that wrote it first. So of any number of instances one begins, without a lock that somebody would have to give
 * back. Two may yet run at once (one that takes longer than its interval, clocks that differ, a listing that lags): the
 * work must be harmless then, as garbage collection, retention and fsck are.
 */
import type { StorageDriver } from "../../storage/types.ts";

export interface Times {
  /** Milliseconds. */
  readonly interval: number;
  /** Milliseconds after midnight UTC. */
  readonly at: number | undefined;
}

/** Number of the slot in which `now` lies. */
export const slotAt = (now: number, { interval, at = 0 }: Times) => Math.floor((now - at) / interval);

const directoryOf = (work: string) => `varve/schedule/${work}`;

/** Whether this instance is to do the work of the slot. Nobody is in the very first one: it has begun already. */
export async function claimSlot(storage: StorageDriver, work: string, slot: number): Promise<boolean> {
  const taken: number[] = [];
  for await (const { name } of storage.list(directoryOf(work))) taken.push(Number(name));
  if (taken.some((other) => other >= slot)) return false;
  const now = Buffer.from(new Date().toISOString());
  if (!(await storage.writeNew(`${directoryOf(work)}/${slot}`, now))) return false;
  for (const other of taken) await storage.remove(`${directoryOf(work)}/${other}`);
  return taken.length > 0;
}

/** Gives a slot back whose work was broken off, so that whoever comes next takes it up. */
export async function releaseSlot(storage: StorageDriver, work: string, slot: number): Promise<void> {
  await storage.write(`${directoryOf(work)}/${slot - 1}`, Buffer.from("broken off"));
  await storage.remove(`${directoryOf(work)}/${slot}`);
}
