/** The volumes of a container that is being made: there, and referred to, before anybody could remove them. */
import { readdirSync } from "node:fs";
import type { Store } from "../../store/index.ts";
import type { PlannedMount } from "../containers/mount_points.ts";
import type { MountPoint } from "../containers/record.ts";
import type { EventBus } from "../events/event_bus.ts";
import { createLocked } from "./create_volume.ts";
import { removeLocked } from "./remove_volume.ts";
import { readOptions, volumeData, volumesLock } from "./volume_folder.ts";

export interface ClaimedMounts {
  /** As the container's record has them. */
  readonly points: Record<string, MountPoint>;
  /** Destinations of volumes that are to get the image's content if they are empty. */
  readonly toFill: readonly string[];
}

/**
 * @param work writes the container's record, which is what refers to the volumes; when it fails, those that were made for
 * it go again
 * @throws Failure in Docker's words for a volume that cannot be made
 */
export async function withVolumes<T>(
  store: Store,
  planned: readonly PlannedMount[],
  events: EventBus | undefined,
  work: (claimed: ClaimedMounts) => Promise<T>,
): Promise<T> {
  if (!planned.some(({ point }) => point.Type === "volume")) {
    return work({ points: byDestination(planned.map(({ point }) => point)), toFill: [] });
  }
  return store.withLock(volumesLock, async () => {
    const made: string[] = [];
    try {
      const points: MountPoint[] = [];
      const toFill: string[] = [];
      for (const plan of planned) {
        const point = await claim(store, plan, made, events);
        points.push(point);
        if (plan.copy && mayBeEmpty(store, point)) toFill.push(point.Destination);
      }
      return await work({ points: byDestination(points), toFill });
    } catch (error) {
      for (const name of made) await removeLocked(store, name, [], events);
      throw error;
    }
  });
}

/** What options mount is only seen when it is mounted, and a part of a volume when it is opened. */
function mayBeEmpty(store: Store, { Name, Spec }: MountPoint): boolean {
  if (Spec?.VolumeOptions?.Subpath || readOptions(store, Name) !== undefined) return true;
  return readdirSync(volumeData(store, Name)).length === 0;
}

function byDestination(points: readonly MountPoint[]): Record<string, MountPoint> {
  return Object.fromEntries(points.map((point) => [point.Destination, point]));
}

async function claim(
  store: Store,
  { point, volume }: PlannedMount,
  made: string[],
  events: EventBus | undefined,
): Promise<MountPoint> {
  if (volume === undefined) return point;
  const { volume: found, isNew } = await createLocked(store, volume, events);
  if (isNew) made.push(found.Name);
  // Docker writes the source of those that were asked for, not of an image's; an empty mode becomes `z`.
  const asked = volume.fromImage !== true;
  const { Spec, SkipMountpointCreation, ...first } = point;
  return {
    ...first,
    Source: asked ? found.Mountpoint : "",
    Name: found.Name,
    Driver: found.Driver,
    ...(asked && { Relabel: point.Relabel || "z" }),
    ...(Spec !== undefined && { Spec }),
    ...(SkipMountpointCreation !== undefined && { SkipMountpointCreation }),
  };
}
