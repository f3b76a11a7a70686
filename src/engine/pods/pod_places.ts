/** What the containers of a pod share besides its network: System V objects and message queues, and shared memory. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  createIpcNamespace,
  isSysError,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  mount,
  removeNetworkNamespace,
  unmount,
} from "../../sys/index.ts";
import { isMountPoint } from "./is_mount_point.ts";
import type { PodRecord } from "./pod_record.ts";

type Places = Pick<PodRecord, "ipcNamespace" | "sharedMemory">;

export function placesIn(folder: string): Places {
  return { ipcNamespace: join(folder, "ipc"), sharedMemory: join(folder, "shm") };
}

/** @throws SysError; nothing is left then */
export function makePlaces(places: Places): void {
  try {
    createIpcNamespace(places.ipcNamespace);
    mkdirSync(places.sharedMemory, { recursive: true, mode: 0o700 });
    const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    mount("shm", places.sharedMemory, "tmpfs", flags, `mode=1777,size=${64 << 20}`);
  } catch (error) {
    removePlaces(places);
    throw error;
  }
}

/** What is not there is no error. @throws SysError */
export function removePlaces({ ipcNamespace, sharedMemory }: Places): void {
  removeNetworkNamespace(ipcNamespace);
  try {
    unmount(sharedMemory, { detach: true });
  } catch (error) {
    if (!isSysError(error, "EINVAL", "ENOENT")) throw error;
  }
  rmSync(sharedMemory, { recursive: true, force: true });
}

/** Whether the machine still has all of them: a reboot takes them away. */
export function hasPlaces({ ipcNamespace, sharedMemory, network, networkNamespace }: PodRecord): boolean {
  const wanted = [ipcNamespace, sharedMemory, ...(network === "host" ? [] : [networkNamespace])];
  return wanted.every(isMountPoint);
}
