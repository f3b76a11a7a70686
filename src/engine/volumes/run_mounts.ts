/** The mounts of a container while it runs: sources made, volumes mounted, places inside them found. */
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import type { Store } from "../../store/index.ts";
import { checkPropagation, makeBindSources } from "../containers/bind_sources.ts";
import { holdImage } from "../containers/image_mounts.ts";
import type { ContainerRecord, HostConfig, MountPoint } from "../containers/record.ts";
import { tmpfsOptionsOf } from "../containers/tmpfs_options.ts";
import * as sys from "../../sys/index.ts";
import { findVolume } from "./find_volume.ts";
import { mountPart, mountSubpath, unmountOwn } from "./mount_subpath.ts";
import { leaveVolume, useVolume } from "./mount_volume.ts";
import { imageMountPath, runMountsFolder, sharedMemoryFolder } from "./run_mounts_folder.ts";
import { volumesOf } from "./volume_users.ts";

export interface RunMounts {
  /** What the runtime is to bind, by destination. */
  readonly points: Record<string, MountPoint>;
  /** Those of `--tmpfs` and of `--mount type=tmpfs`, with their options. */
  readonly tmpfs: Record<string, string>;
  /** What `--ipc shareable` has as /dev/shm. */
  readonly sharedMemory: string | undefined;
}

/**
 * For whoever supervises the container, before each run; {@link endRunMounts} afterwards.
 * @throws Failure in Docker's words; nothing is left then
 */
export async function beginRunMounts(
  store: Store,
  record: ContainerRecord,
  hostConfig: HostConfig,
): Promise<RunMounts> {
  await makeBindSources(record);
  const mountPoints = checkPropagation(record);
  const points: Record<string, MountPoint> = {};
  const tmpfs: Record<string, string> = { ...hostConfig.Tmpfs };
  let sharedMemory: string | undefined;
  try {
    for (const name of volumesOf(record)) {
      findVolume(store, name);
      await useVolume(store, name, record.ID);
    }
    for (const [destination, point] of Object.entries(mountPoints)) {
      // Docker lets `--tmpfs` win over the image's volume.
      if (hostConfig.Tmpfs?.[destination] !== undefined) continue;
      if (point.Type === "tmpfs") tmpfs[destination] = tmpfsOptionsOf(point.Spec ?? {});
      else points[destination] = { ...point, Source: await sourceOf(store, record.ID, point) };
    }
    if (hostConfig.IpcMode === "shareable") sharedMemory = mountSharedMemory(store, record.ID, hostConfig);
  } catch (error) {
    await endRunMounts(store, record);
    throw error;
  }
  return { points, tmpfs, sharedMemory };
}

/** A container's own is out of others' reach: it is there only where the container is. */
function mountSharedMemory(store: Store, container: string, { ShmSize }: HostConfig): string {
  const folder = sharedMemoryFolder(store, container);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const flags = sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC;
  sys.mount("shm", fromText(folder), "tmpfs", flags, `mode=1777,size=${ShmSize}`);
  return folder;
}

/** Harmless where nothing was begun. */
export async function endRunMounts(store: Store, record: ContainerRecord): Promise<void> {
  unmountOwn(store, record.ID);
  for (const name of volumesOf(record)) await leaveVolume(store, name, record.ID);
  const folder = runMountsFolder(store, record.ID);
  if (existsSync(folder)) rmdirSync(folder);
}

async function sourceOf(store: Store, container: string, point: MountPoint): Promise<string> {
  if (point.Type === "image") return mountImage(store, container, point);
  if (point.Type !== "volume" || point.Name === "") return point.Source;
  const { Mountpoint } = findVolume(store, point.Name);
  const subpath = point.Spec?.VolumeOptions?.Subpath ?? "";
  return subpath === "" ? Mountpoint : mountSubpath(store, container, Mountpoint, subpath);
}

/**
 * The file system lives as long as any mount of it: so the driver's mount of the image, which goes with the last process
 * that holds it, need not be held while the container runs on this one.
 */
async function mountImage(store: Store, container: string, point: MountPoint): Promise<string> {
  // First: by it is found what a kill leaves, the driver's mount too.
  const folder = runMountsFolder(store, container);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await using image = await holdImage(store, point);
  const nothing = join(folder, "nothing");
  if (image === undefined) mkdirSync(nothing, { recursive: true, mode: 0o755 });
  const target = imageMountPath(store, container, point.Destination);
  mountPart(image?.path ?? nothing, point.Spec?.ImageOptions?.Subpath || ".", target);
  return target;
}
