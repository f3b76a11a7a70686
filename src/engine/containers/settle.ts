/** What a run leaves whose supervisor was killed, or that was detached from: shim, bundle, cgroup, mount. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { isFailure } from "../../errors.ts";
import type { TaskExit } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { bundleDirectory } from "./bundle.ts";

/**
 * Ends it all; processes that still run are killed. For whoever supervises the container. Returns how the container
 * ended, where its shim still lives and knows.
 */
export async function settleRun(store: Store, id: string): Promise<TaskExit | undefined> {
  const bundle = bundleDirectory(store.root, id);
  if (!existsSync(bundle)) return undefined;
  const exit = await endShim(bundle, id);
  await rm(bundle, { recursive: true, force: true });
  await endUnusedMount(store, id);
  return exit;
}

async function endShim(bundle: string, id: string): Promise<TaskExit | undefined> {
  const { findRuntime, ShimTask } = await import("../../runtime/index.ts");
  let place;
  try {
    place = { shim: (await findRuntime()).shim, bundle, id };
  } catch (error) {
    // A root from another machine: there is nothing running here.
    if (isFailure(error, "unsupported")) return undefined;
    throw error;
  }
  const task = await ShimTask.reconnect(place);
  if (task === undefined) {
    await ShimTask.removeLeftovers(place);
    return undefined;
  }
  try {
    await task.kill(SIGKILL, { all: true });
    await task.wait();
  } catch {
    // It has ended already.
  }
  return task.delete();
}

const SIGKILL = 9;

/** Whoever lets go of a mount last ends it: so becoming a user and leaving again is enough. */
async function endUnusedMount(store: Store, id: string): Promise<void> {
  try {
    await using mounted = await store.containers.mount(id);
    void mounted.path;
  } catch {
    // Its layers are gone or it is in use; removal and garbage collection deal with both.
  }
}
