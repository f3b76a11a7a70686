/** What is noted in a container's record before somebody ends it. */
import { isDiskFull, type Store } from "../../store/index.ts";
import { stoppedByHand } from "../containers/record_changes.ts";
import { updateRecord } from "../containers/update_record.ts";

/** Somebody wants it to end: no policy starts it again. */
export async function markStopped(store: Store, id: string): Promise<void> {
  try {
    await updateRecord(store, id, stoppedByHand);
  } catch (error) {
    // A full disk keeps nobody from stopping what fills it.
    if (!isDiskFull(error)) throw error;
  }
}
