/** Changing a container's record while others change it, too: in this process and in others. */
import type { Store } from "../../store/index.ts";
import { readRecord, removeContainerDirectory, writeRecord, type ContainerRecord } from "./record.ts";

/** Nobody else changes the container's record, its host config or what lies beside them meanwhile. */
export function whileRecordIsHeld<T>(store: Store, id: string, work: () => Promise<T>): Promise<T> {
  return store.withLock(`record-${id}`, work);
}

/**
 * Writes what `change` makes of the record as it is now.
 * @returns the new record; undefined: the container has gone
 */
export function updateRecord(
  store: Store,
  id: string,
  change: (record: ContainerRecord) => ContainerRecord,
): Promise<ContainerRecord | undefined> {
  return whileRecordIsHeld(store, id, async () => {
    const record = readRecord(store.root, id);
    if (record === undefined) return undefined;
    const changed = change(record);
    await writeRecord(store.root, changed);
    return changed;
  });
}

/** Takes the record away, and all that lies beside it, while nobody changes it; who comes later finds it gone. */
export function removeRecord(store: Store, id: string): Promise<void> {
  return whileRecordIsHeld(store, id, () => removeContainerDirectory(store.root, id));
}
