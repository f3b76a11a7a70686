/** Ends a container that another process runs: asks its shim, and waits until it is gone. */
import { Failure, isFailure } from "../../errors.ts";
import { findShim, ShimTask } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { userNamespace } from "../../sys/index.ts";
import type { ContainerRecord } from "./record.ts";
import { bundleDirectory } from "./bundle.ts";
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
 * Runs `work` while the container's processes stand still, when it runs at all. In a user namespace they do not: what
 * stops them is a control group, and an ordinary user has none.
 */
export async function whilePaused<T>(
  store: Store,
  record: ContainerRecord,
  work: () => Promise<T>,
): Promise<T> {
  if (!record.State.Running || record.State.Paused || userNamespace() !== undefined) return work();
  return withTask(store, record, async (task) => {
    if (!(await paused(task))) return work();
    try {
      return await work();
    } finally {
      await task.resume();
    }
  });
}

/** False: it has ended meanwhile, and stands still for ever. */
async function paused(task: ShimTask): Promise<boolean> {
  try {
    await task.pause();
    return true;
  } catch (error) {
    const state = await task.state().catch(() => undefined);
    if (state?.status === "running") throw error;
    return false;
  }
}

async function withTask<T>(
  store: Store,
  record: ContainerRecord,
  work: (task: ShimTask) => Promise<T>,
): Promise<T> {
  const bundle = bundleDirectory(store.root, record.ID);
  const task = await ShimTask.reconnect({ shim: await findShim(), bundle, id: record.ID });
  if (task === undefined) {
    throw new Failure(
      "unavailable",
      `container ${record.ID} is said to run, but its supervisor does not answer`,
      { hint: "if it was started by another engine, end it there" },
    );
  }
  try {
    return await work(task);
  } finally {
    task.release();
  }
}
