/** `volume prune`. */
import { isFailure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import { listVolumes } from "./list_volumes.ts";
import { removeVolume } from "./remove_volume.ts";
import { anonymousLabel } from "./volume_name.ts";
import { volumeSize } from "./volume_usage.ts";

export interface PruneVolumesOptions {
  /** Also those that have a name. */
  readonly all?: boolean;
  readonly labels?: readonly string[];
  readonly withoutLabels?: readonly string[];
}

export interface PrunedVolumes {
  readonly VolumesDeleted: readonly string[];
  /** Bytes. */
  readonly SpaceReclaimed: number;
}

/** Removes what no container has, but for volumes that something is mounted on: nothing would be gained. */
export async function pruneVolumes(
  store: Store,
  { all = false, labels = [], withoutLabels = [] }: PruneVolumesOptions,
  events: EventBus | undefined,
): Promise<PrunedVolumes> {
  const wanted = all ? labels : [...labels, anonymousLabel];
  const VolumesDeleted: string[] = [];
  let SpaceReclaimed = 0;
  for (const volume of await listVolumes(store, { dangling: true, labels: wanted, withoutLabels })) {
    if (volume.Options !== null) continue;
    const size = volumeSize(volume);
    try {
      await removeVolume(store, volume.Name, {}, events);
    } catch (error) {
      // Somebody took or removed it meanwhile.
      if (isFailure(error, "conflict") || isFailure(error, "not-found")) continue;
      throw error;
    }
    SpaceReclaimed += Math.max(size, 0);
    VolumesDeleted.push(volume.Name);
  }
  events?.tell("volume", "prune", "", { reclaimed: String(SpaceReclaimed) });
  return { VolumesDeleted, SpaceReclaimed };
}
