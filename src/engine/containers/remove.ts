/** `rm`: a container, its record and its writable layer (behaviours B088, B096). */
import { Failure } from "../../errors.ts";
import { isDiskFull, type Store } from "../../store/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import { removeAnonymousVolumes } from "../volumes/remove_volume.ts";
import { whileNobodyLooks } from "./mounted_root.ts";
import { readRecord, type ContainerRecord } from "./record.ts";
import { notRemoved, removing } from "./record_changes.ts";
import { settleRun } from "./settle.ts";
import { reconcile } from "./state.ts";
import { whileSupervising } from "./supervision.ts";
import { removeRecord, updateRecord } from "./update_record.ts";

export interface RemoveContainerOptions {
  /** Kills a running container first. */
  readonly force?: boolean;
  /** Also its volumes that nobody named and no other container has. */
  readonly volumes?: boolean;
  /** Told of volumes. */
  readonly events?: EventBus;
}

/** Throws `Failure("conflict")` in Docker's words for a running container, unless forced. */
export async function removeContainer(
  store: Store,
  found: ContainerRecord,
  options: RemoveContainerOptions = {},
): Promise<void> {
  const record = await reconcile(store, found);
  if (record.State.Running) {
    if (options.force !== true) {
      throw new Failure(
        "conflict",
        `You cannot remove a running container ${record.ID}. Stop the container before attempting removal or force remove`,
      );
    }
    const { killContainer } = await import("./kill.ts");
    await killContainer(store, record);
  }
  await whileSupervising(store, record.ID, () => removeSupervised(store, record.ID, options));
}

/** For whoever supervises the container already. One that is gone is no failure. */
export async function removeSupervised(
  store: Store,
  id: string,
  { volumes = false, events }: Pick<RemoveContainerOptions, "volumes" | "events"> = {},
): Promise<void> {
  const record = readRecord(store.root, id);
  if (record === undefined) return;
  await updateRecord(store, id, removing).catch(unlessFull);
  try {
    // What a killed supervisor left of its run.
    await settleRun(store, id);
    await whileNobodyLooks(store, id, () => store.containers.remove(id));
    if (volumes) await removeAnonymousVolumes(store, record, events);
  } catch (error) {
    // Still mounted by somebody who looks into it: the container stays as it was.
    await updateRecord(store, id, notRemoved(record.State));
    throw error;
  }
  await removeRecord(store, id);
}

/** A removal makes room. */
function unlessFull(error: unknown): void {
  if (!isDiskFull(error)) throw error;
}
