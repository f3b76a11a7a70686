/** What a daemon finds at its start. */
import { existsSync } from "node:fs";
import type { Store } from "../../store/index.ts";
import { isStepRunning } from "../builds/step_bundles.ts";
import { bundleDirectory } from "../containers/bundle.ts";
import { readRecord } from "../containers/record.ts";
import { isAlive } from "../containers/state.ts";
import { isSupervised } from "../containers/supervision.ts";
import { readPod } from "../pods/pod_record.ts";
import { networkingOf } from "./networking_of.ts";

/**
 * Takes away what is left of containers and steps of builds that have ended while no daemon ran. Those stay that have something of a run: whoever
 * settles that run disconnects them.
 */
export async function reconcileNetworks(store: Store): Promise<void> {
  const { endpoints, namespaces } = await networkingOf(store);
  const ids = new Set(endpoints.list().map(({ containerId }) => containerId));
  namespaces.reconcile((id) => ids.add(id) !== undefined);
  const alive = new Set<string>();
  for (const id of ids) if (await mayLive(store, id)) alive.add(id);
  await endpoints.reconcile(({ containerId }) => alive.has(containerId));
  namespaces.reconcile((id) => alive.has(id));
}

async function mayLive(store: Store, id: string): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(id)) return false;
  if (readPod(store.root, id)?.ready === true) return true;
  const record = readRecord(store.root, id);
  if (record !== undefined && isAlive(record)) return true;
  if (isStepRunning(store.root, id)) return true;
  return existsSync(bundleDirectory(store.root, id)) || isSupervised(store, id);
}
