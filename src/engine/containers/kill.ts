/** Ends a container that another process runs: asks its shim, and waits until it is gone. */
import { Failure, isFailure } from "../../errors.ts";
import { findShim, ShimTask } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { userNamespace } from "../../sys/index.ts";
import { bundleDirectory } from "./bundle.ts";
import { readRecord, type ContainerRecord } from "./record.ts";
import { hasRun } from "./settle.ts";
import { whileSupervising } from "./supervision.ts";

/**
 * Kills the container's processes and waits until whoever ran it has written down its end. One whose shim has died is
 * left to `settleRun`. Throws `Failure("unavailable")` for one that another engine runs.
 */
export async function killContainer(store: Store, record: ContainerRecord): Promise<void> {
  try {
    await withTask(store, record, (task) => killTask(store, record.ID, task));
  } catch (error) {
    if (!isFailure(error, "unavailable") || !hasRun(store, record.ID)) throw error;
  }
}

async function killTask(store: Store, id: string, task: ShimTask): Promise<void> {
  const ended = task.wait();
  // Its failure is met where it is awaited, unless the kill fails first.
  ended.catch(() => undefined);
  await task.end({ all: true });
  await ended;
  // The supervisor reads the last output before it ends the shim; where there is none, that is left to this process.
  await whileSupervising(store, id, () => task.delete());
}

/**
 * Runs `work` while the container's processes stand still, when it runs at all; it may end before, and meanwhile. In a user
 * namespace they do not: what stops them is a control group, and an ordinary user has none.
 */
export async function whilePaused<T>(
  store: Store,
  record: ContainerRecord,
  work: () => Promise<T>,
): Promise<T> {
  if (!record.State.Running || record.State.Paused || userNamespace() !== undefined) return work();
  const task = await reconnect(store, record);
  if (task === undefined) {
    // The record of an end is written before its bundle goes: of what was ours one of the two is to be seen.
    if (hasRun(store, record.ID) || readRecord(store.root, record.ID)?.State.Running !== true) return work();
    throw noSupervisor(record.ID);
  }
  try {
    if (!(await unlessEnded(task, () => task.pause()))) return await work();
    try {
      return await work();
    } finally {
      await unlessEnded(task, () => task.resume());
    }
  } finally {
    task.release();
  }
}

/** False: the container has ended meanwhile, and stands still for ever. */
async function unlessEnded(task: ShimTask, step: () => Promise<void>): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (error) {
    if (!(await task.hasEnded())) throw error;
    return false;
  }
}

async function withTask<T>(
  store: Store,
  record: ContainerRecord,
  work: (task: ShimTask) => Promise<T>,
): Promise<T> {
  const task = await reconnect(store, record);
  if (task === undefined) throw noSupervisor(record.ID);
  try {
    return await work(task);
  } finally {
    task.release();
  }
}

async function reconnect(store: Store, { ID }: ContainerRecord): Promise<ShimTask | undefined> {
  return ShimTask.reconnect({ shim: await findShim(), bundle: bundleDirectory(store.root, ID), id: ID });
}

function noSupervisor(id: string): Failure {
  return new Failure("unavailable", `container ${id} is said to run, but its supervisor does not answer`, {
    hint: "if it was started by another engine, end it there",
  });
}
