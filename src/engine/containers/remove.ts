/** `rm`: a container, its record and its writable layer (behaviours B088, B096). */
import { rm } from "node:fs/promises";
import { Failure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { removeContainerDirectory, writeRecord, type ContainerRecord } from "./record.ts";
import { bundleDirectory } from "./bundle.ts";
import { reconcile } from "./state.ts";

export interface RemoveContainerOptions {
  /** Kills a running container first. */
  readonly force?: boolean;
}

/** Throws `Failure("conflict")` in Docker's words for a running container, unless forced. */
export async function removeContainer(
  store: Store,
  found: ContainerRecord,
  options: RemoveContainerOptions = {},
): Promise<void> {
  const record = await reconcile(store.root, found);
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
  // Marked first, so that a crash half-way leaves a container that says what happened to it.
  await writeRecord(store.root, {
    ...record,
    State: { ...record.State, Running: false, RemovalInProgress: true },
  });
  // What a killed supervisor left of its run.
  await rm(bundleDirectory(store.root, record.ID), { recursive: true, force: true });
  await store.containers.remove(record.ID);
  await removeContainerDirectory(store.root, record.ID);
}
