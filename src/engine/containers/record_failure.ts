/** Starts that fail, in the container's record. */
import { exitCodeOfFailure } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { startFailed } from "./record_changes.ts";
import { updateRecord } from "./update_record.ts";

/** For whoever supervises the container. One that is gone is no failure. */
export async function recordFailure(store: Store, id: string, error: unknown): Promise<void> {
  const code = exitCodeOfFailure(error);
  const message = error instanceof Error ? error.message : String(error);
  await updateRecord(store, id, startFailed(code === 125 ? 128 : code, message));
}
