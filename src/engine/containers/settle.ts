/** What a run leaves whose supervisor was killed, or that was detached from: shim, bundle, cgroup, mount. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { isFailure } from "../../errors.ts";
import type { ShimTask, TaskExit } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { releaseNetwork } from "../networks/release_network.ts";
import { endRunMounts } from "../volumes/run_mounts.ts";
import { runMountsFolder } from "../volumes/run_mounts_folder.ts";
import { bundleDirectory } from "./bundle.ts";
import { endMounts } from "./mounted_root.ts";
import { readHostConfig, readRecord } from "./record.ts";

/** Whether a run has left a bundle, or is still at it. Costs one look at the disk. */
export function hasRun(store: Store, id: string): boolean {
  return existsSync(bundleDirectory(store.root, id));
}

/** The process that still runs under the shim of a run without supervisor; undefined: there is none. */
export async function orphanPid(store: Store, id: string): Promise<number | undefined> {
  const shim = await shimProgram();
  if (shim === undefined) return undefined;
  const task = await reconnect(store, id, shim);
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

/**
 * Ends it all; processes that still run are killed. For whoever supervises the container. Returns how the container
 * ended, where its shim still lives and knows.
 */
export async function settleRun(store: Store, id: string): Promise<TaskExit | undefined> {
  if (!hasRun(store, id)) return settleMounts(store, id);
  const exit = await endShim(store, id);
  await settleMounts(store, id);
  await releaseNetwork(store, id);
  await rm(bundleDirectory(store.root, id), { recursive: true, force: true });
  await endMounts(store, id);
  return exit;
}

/** Mounts come before the bundle. */
async function settleMounts(store: Store, id: string): Promise<undefined> {
  if (!existsSync(runMountsFolder(store, id))) return;
  const record = readRecord(store.root, id);
  if (record !== undefined) await endRunMounts(store, record);
}

async function endShim(store: Store, id: string): Promise<TaskExit | undefined> {
  const shim = await shimProgram();
  if (shim === undefined) return undefined;
  const task = await reconnect(store, id, shim);
  if (task === undefined) {
    const { ShimTask } = await import("../../runtime/index.ts");
    await ShimTask.removeLeftovers({ shim, bundle: bundleDirectory(store.root, id), id });
    return undefined;
  }
  try {
    await task.kill(SIGKILL, { all: true });
    await task.wait();
  } catch {
    // It has ended already.
  }
  await logRest(store, id);
  return task.delete();
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

const SIGKILL = 9;

async function reconnect(store: Store, id: string, shim: string): Promise<ShimTask | undefined> {
  const { ShimTask } = await import("../../runtime/index.ts");
  return ShimTask.reconnect({ shim, bundle: bundleDirectory(store.root, id), id });
}

/** Undefined: a root from another machine; there is nothing running here. */
async function shimProgram(): Promise<string | undefined> {
  try {
    return (await (await import("../../runtime/index.ts")).findRuntime()).shim;
  } catch (error) {
    if (isFailure(error, "unsupported")) return undefined;
    throw error;
  }
}
