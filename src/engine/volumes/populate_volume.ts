/** A new volume gets what the image has at its place (behaviour B181). */
import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fromText } from "../../byte_string.ts";
import { copyTree, ownershipHere } from "../../driver/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";
import type { ContainerRecord, MountPoint } from "../containers/record.ts";
import { updateRecord } from "../containers/update_record.ts";
import { openPart } from "./mount_subpath.ts";
import { useVolume, volumeLock } from "./mount_volume.ts";
import { endRunMounts } from "./run_mounts.ts";
import { readOptions, volumeData } from "./volume_folder.ts";
import { volumeUsers } from "./volume_users.ts";

/**
 * Fills the volumes of a new container that are still empty: names, owners, modes, times, attributes, links, and the
 * attributes of the directory itself. Paths are resolved in the container's root, whatever symlinks the image has.
 * For whoever supervises the container; done again at its start where it was not finished.
 * @returns the record without its note of what is to be filled
 */
export async function populateVolumes(store: Store, record: ContainerRecord): Promise<ContainerRecord> {
  const pending = record.VolumesToFill ?? [];
  if (pending.length === 0) return record;
  await using root = await store.containers.mount(record.ID);
  try {
    for (const destination of pending) {
      const point = record.MountPoints[destination];
      if (point !== undefined) await populate(store, record.ID, root.path, point);
    }
  } finally {
    await endRunMounts(store, record);
  }
  const done = await updateRecord(
    store,
    record.ID,
    ({ VolumesToFill: _done, ...rest }) => rest as ContainerRecord,
  );
  return done ?? record;
}

async function populate(store: Store, container: string, root: string, point: MountPoint): Promise<void> {
  const subpath = point.Spec?.VolumeOptions?.Subpath ?? "";
  const source = openSource(root, point.Destination, subpath !== "");
  if (source === undefined) return;
  try {
    await useVolume(store, point.Name, container);
    await store.withLock(volumeLock(point.Name), () =>
      subpath === ""
        ? fill(store, container, source, point.Name)
        : fillPart(volumeData(store, point.Name), subpath, source),
    );
  } finally {
    sys.close(source);
  }
}

/** Undefined: the image has nothing there. @param isPart may lie over a file */
function openSource(root: string, destination: string, isPart: boolean): number | undefined {
  const rootFd = sys.openAt(sys.AT_FDCWD, fromText(root), sys.O_PATH | sys.O_DIRECTORY);
  try {
    return sys.openIn(rootFd, fromText(destination), sys.O_RDONLY | sys.O_DIRECTORY);
  } catch (error) {
    if (sys.isSysError(error, "ENOTDIR")) {
      if (isPart) return undefined;
      throw new Failure(
        "invalid",
        `cannot mount volume over existing file, file exists ${join(root, destination)}`,
        { cause: error },
      );
    }
    // A symlink that leads nowhere is the runtime's to deal with.
    if (sys.isSysError(error, "ENOENT", "ELOOP")) return undefined;
    throw error;
  } finally {
    sys.close(rootFd);
  }
}

async function fill(store: Store, container: string, source: number, name: string): Promise<void> {
  const data = volumeData(store, name);
  if (!existsSync(data) || readdirSync(data).length > 0) return;
  const from = fromText(`/proc/self/fd/${source}`);
  const users = (await volumeUsers(store)).get(name) ?? [];
  // Somebody may have it mounted, or something is mounted on it: then it must stay the same directory.
  if (readOptions(store, name) !== undefined || users.some((id) => id !== container)) {
    return copyTree(from, fromText(data), ownershipHere());
  }
  const beside = join(dirname(data), "_data.new");
  // What a kill has left.
  await sys.removeTreeInSlices(fromText(beside));
  await mkdir(beside, { mode: 0o755 });
  await copyTree(from, fromText(beside), ownershipHere());
  await rename(beside, data);
}

/** One that is not there is the start's to complain of, and a file has its content. */
async function fillPart(data: string, subpath: string, source: number): Promise<void> {
  let part: number;
  try {
    part = openPart(data, subpath);
  } catch (error) {
    if (isFailure(error, "not-found")) return;
    throw error;
  }
  try {
    const to = `/proc/self/fd/${part}`;
    if (!statSync(to).isDirectory() || readdirSync(to).length > 0) return;
    await copyTree(fromText(`/proc/self/fd/${source}`), fromText(to), ownershipHere());
  } finally {
    sys.close(part);
  }
}
