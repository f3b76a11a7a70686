/** Removals that the end of an earlier supervisor has broken off. */
import type { Store } from "../../store/index.ts";
import { readHostConfig, readRecord } from "../containers/record.ts";
import { dead } from "../containers/record_changes.ts";
import { removeSupervised } from "../containers/remove.ts";
import { unlessSupervised } from "../containers/supervision.ts";
import { updateRecord } from "../containers/update_record.ts";
import type { EventBus } from "../events/event_bus.ts";
import { tellContainer } from "../events/tell_container.ts";

/**
 * Removes a container that was to go with its run. Of any other it is not known what was asked for, so it is `dead` until
 * somebody asks again (moby, daemon/daemon.go, `restore`). One that somebody supervises is left to him.
 */
export async function finishRemoval(store: Store, events: EventBus, id: string): Promise<void> {
  await unlessSupervised(store, id, async () => {
    const record = readRecord(store.root, id);
    if (record === undefined) return;
    if (readHostConfig(store.root, id).AutoRemove) {
      await removeSupervised(store, id, { volumes: true, events });
      tellContainer(events, "destroy", record);
    } else await updateRecord(store, id, dead);
  });
}
