/** Events of volumes that a container has while it runs (moby, daemon/volumes_unix.go, `setupMounts`). */
import type { ContainerRecord, MountPoint } from "../containers/record.ts";
import type { EventBus } from "../events/event_bus.ts";
import { volumesOf } from "./volume_users.ts";

/** @param points what of the container's is mounted */
export function tellMounted(events: EventBus, { ID }: ContainerRecord, points: readonly MountPoint[]): void {
  for (const point of points) {
    if (point.Type !== "volume") continue;
    events.tell("volume", "mount", point.Name, {
      driver: "local",
      container: ID,
      destination: point.Destination,
      "read/write": String(point.RW),
      propagation: point.Propagation ?? "",
    });
  }
}

export function tellUnmounted(events: EventBus, record: ContainerRecord): void {
  for (const name of volumesOf(record))
    events.tell("volume", "unmount", name, { driver: "local", container: record.ID });
}
