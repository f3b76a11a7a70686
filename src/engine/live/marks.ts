/** What is noted in a container's record while it runs. */
import { isDiskFull, type Store } from "../../store/index.ts";
import { updateRecord } from "../containers/update_record.ts";

/** Somebody wants it to end: no policy starts it again. */
export async function markStopped(store: Store, id: string): Promise<void> {
  try {
    await updateRecord(store, id, (record) => ({ ...record, HasBeenManuallyStopped: true }));
  } catch (error) {
    // A full disk keeps nobody from stopping what fills it.
    if (!isDiskFull(error)) throw error;
  }
}

export async function setPaused(store: Store, id: string, Paused: boolean): Promise<void> {
  await updateRecord(store, id, (record) => ({ ...record, State: { ...record.State, Paused } }));
}
