/** What a run leaves whose supervisor was killed, or that was detached from: shim, bundle, cgroup, mount. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { isFailure } from "../../errors.ts";
import type { ShimTask } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { releaseNetwork } from "../networks/release_network.ts";
import { endRunMounts } from "../volumes/run_mounts.ts";
import { runMountsFolder } from "../volumes/run_mounts_folder.ts";
import { bundleDirectory } from "./bundle.ts";
import { endHeldImages } from "./image_mounts.ts";
import { keepExit, keptCounter, keptExit, type KeptExit } from "./kept_exit.ts";
import { endMounts } from "./mounted_root.ts";
import { readHostConfig, readRecord } from "./record.ts";

/** Whether a run has left a bundle, or is still at it. Costs one look at the disk. */
export function hasRun(store: Store, id: string): boolean {
  return existsSync(bundleDirectory(store.root, id));
}

/** The process that still runs under the shim of a run without supervisor; undefined: there is none. */
export async function orphanPid(store: Store, id: string): Promise<number | undefined> {
  const task = await reconnect(store, id);
  try {
    const state = await task?.state();
    return state?.status === "running" || state?.status === "paused" ? state.pid : undefined;
  } catch (error) {
    if (isFailure(error, "unavailable") || isFailure(error, "not-found")) return undefined;
    throw error;
  } finally {
    task?.release();
  }
}

/** Whether the disk had room for the record. */
export type Recorded = "written" | "unwritten";

/**
 * Ends it all; processes that still run are killed. For whoever supervises the container.
 * @param record told how the container has ended, where that is known, while another kill would still find the run here;
 * `unwritten`: the run is to be found here still
 */
export async function settleRun(
  store: Store,
  id: string,
  record: (exit: KeptExit | undefined) => Promise<Recorded> = async () => "written",
): Promise<void> {
  if (!hasRun(store, id)) {
    await releaseNetwork(store, id);
    await settleMounts(store, id);
    await record(undefined);
    return;
  }
  await endShim(store, id);
  await settleMounts(store, id);
  await releaseNetwork(store, id);
  await endMounts(store, id);
  if ((await record(keptExit(store, id))) === "written")
    await rm(bundleDirectory(store.root, id), { recursive: true, force: true });
}

/** Of one that has a bundle no more, or not yet. */
async function settleMounts(store: Store, id: string): Promise<void> {
  if (!existsSync(runMountsFolder(store, id))) return;
  const record = readRecord(store.root, id);
  if (record === undefined) return;
  await endRunMounts(store, record);
  await endHeldImages(store, record);
}

async function endShim(store: Store, id: string): Promise<void> {
  const task = await reconnect(store, id);
  if (task === undefined) {
    const { ShimTask, findShim } = await import("../../runtime/index.ts");
    const place = { shim: await findShim(), bundle: bundleDirectory(store.root, id), id };
    return ShimTask.removeLeftovers(place);
  }
  const state = await task.state().catch(() => undefined);
  // Made and never started, it does not end either, and what it says is its runtime's.
  if (state?.status !== "created") {
    if (state !== undefined && state.status !== "stopped") await task.end({ all: true });
    if (state !== undefined) await keepEnd(store, id, task);
    await logRest(store, id);
  }
  await task.delete();
}

async function keepEnd(store: Store, id: string, task: ShimTask): Promise<void> {
  if (keptExit(store, id) !== undefined) return;
  const { wasOutOfMemory } = await import("../../runtime/index.ts");
  const exit = await task.wait().catch(() => undefined);
  const oomKilled = await wasOutOfMemory(keptCounter(store, id));
  if (exit !== undefined) keepExit(store, id, { ...exit, oomKilled });
}

/** What the container has printed since its supervisor was killed: the shim would drop it. */
async function logRest(store: Store, id: string): Promise<void> {
  const { ContainerOutput, outputJournal } = await import("../../runtime/index.ts");
  const { openLogWriter } = await import("./log_writer.ts");
  const bundle = bundleDirectory(store.root, id);
  const record = readRecord(store.root, id);
  if (record === undefined || !existsSync(join(bundle, outputJournal))) return;
  try {
    using log = openLogWriter(store, record, readHostConfig(store.root, id));
    using output = new ContainerOutput({ bundle, log });
    await Promise.race([output.run(), setTimeout(restPatience, undefined, { ref: false })]);
  } catch {
    // A log that cannot be written holds nothing up.
  }
}

/** Milliseconds; a process outside of the container that holds its output open is not waited for. As long waits the shim. */
const restPatience = 2000;

async function reconnect(store: Store, id: string): Promise<ShimTask | undefined> {
  const { ShimTask, findShim } = await import("../../runtime/index.ts");
  return ShimTask.reconnect({ shim: await findShim(), bundle: bundleDirectory(store.root, id), id });
}
