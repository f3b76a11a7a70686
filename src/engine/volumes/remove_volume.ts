/** `volume rm`, and the end of a container's anonymous volumes (behaviour B181). */
import { Failure, isFailure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import type { ContainerRecord } from "../containers/record.ts";
import type { EventBus } from "../events/event_bus.ts";
import { findVolume } from "./find_volume.ts";
import { unmountIdle } from "./mount_volume.ts";
import { removeVolumeFolder, volumesLock } from "./volume_folder.ts";
import { volumeUsers } from "./volume_users.ts";

export interface RemoveVolumeOptions {
  /** One that is not there is no failure. */
  readonly force?: boolean;
}

/** @throws Failure in Docker's words: `not-found`, or `conflict` while containers have it */
export async function removeVolume(
  store: Store,
  name: string,
  { force = false }: RemoveVolumeOptions,
  events: EventBus | undefined,
): Promise<void> {
  try {
    await store.withLock(volumesLock, async () => {
      findVolume(store, name);
      await removeLocked(store, name, (await volumeUsers(store)).get(name) ?? [], events);
    });
  } catch (error) {
    if (!force || !isFailure(error, "not-found")) throw error;
  }
}

/** For whoever holds the lock of volumes. @param users the containers that have it */
export async function removeLocked(
  store: Store,
  name: string,
  users: readonly string[],
  events: EventBus | undefined,
): Promise<void> {
  if (users.length > 0) {
    throw new Failure("conflict", `remove ${name}: volume is in use - [${users.join(", ")}]`);
  }
  await unmountIdle(store, name);
  await removeVolumeFolder(store, name);
  events?.tell("volume", "destroy", name, { driver: "local" });
}

/** Of a container that is about to go: its volumes without a name, unless others have them, too. */
export async function removeAnonymousVolumes(
  store: Store,
  record: ContainerRecord,
  events: EventBus | undefined,
): Promise<void> {
  const names = anonymousOf(record);
  if (names.length === 0) return;
  await store.withLock(volumesLock, async () => {
    const users = await volumeUsers(store);
    for (const name of names) {
      if ((users.get(name) ?? []).some((id) => id !== record.ID)) continue;
      try {
        findVolume(store, name);
        await removeLocked(store, name, [], events);
      } catch (error) {
        if (!isFailure(error, "not-found")) throw error;
      }
    }
  });
}

/** Docker's rule: those that were asked for without a source (moby, daemon/mounts.go, `removeMountPoints`). */
function anonymousOf({ MountPoints }: ContainerRecord): string[] {
  return Object.values(MountPoints ?? {})
    .filter(({ Type, Name, Spec }) => Type === "volume" && Name !== "" && (Spec?.Source ?? "") === "")
    .map(({ Name }) => Name);
}
