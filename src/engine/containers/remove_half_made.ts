/**
 * Containers whose making was killed: a directory, and maybe a layer, that no record tells of; volumes that were being made
 * or removed.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { containersLock, type Store } from "../../store/index.ts";
import { removeHalfVolumes, volumesLock } from "../volumes/volume_folder.ts";
import { containerDirectory, containersDirectory, removeContainerDirectory } from "./record.ts";

/** A record that is there and cannot be read is nobody's left-over. */
export async function removeHalfMade(store: Store): Promise<void> {
  await store.withLock(volumesLock, () => removeHalfVolumes(store));
  if (halfMade(store).length === 0) return;
  // Whoever makes one holds this.
  await store.withLock(containersLock, async () => {
    for (const id of halfMade(store)) {
      await store.containers.remove(id);
      await removeContainerDirectory(store.root, id);
    }
  });
}

function halfMade(store: Store): string[] {
  if (!existsSync(containersDirectory(store.root))) return [];
  return readdirSync(containersDirectory(store.root)).filter(
    (id) =>
      /^[0-9a-f]{64}$/.test(id) && !existsSync(join(containerDirectory(store.root, id), "config.v2.json")),
  );
}
