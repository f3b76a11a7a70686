/** Changing a container's record while others change it, too: in this process and in others. */
import type { Store } from "../../store/index.ts";
import { readRecord, writeRecord, type ContainerRecord } from "./record.ts";

/**
 * Writes what `change` makes of the record as it is now.
 * @returns the new record; undefined: the container has gone
 */
export function updateRecord(
  store: Store,
  id: string,
  change: (record: ContainerRecord) => ContainerRecord,
): Promise<ContainerRecord | undefined> {
  return store.withLock(`record-${id}`, async () => {
    const record = readRecord(store.root, id);
    if (record === undefined) return undefined;
    const changed = change(record);
    await writeRecord(store.root, changed);
    return changed;
  });
}
