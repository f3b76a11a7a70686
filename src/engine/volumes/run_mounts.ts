/** The mounts of a container while it runs: sources made, volumes mounted, places inside them found. */
import { existsSync, rmdirSync } from "node:fs";
import type { Store } from "../../store/index.ts";
import { checkPropagation, makeBindSources } from "../containers/bind_sources.ts";
import type { ContainerRecord, HostConfig, MountPoint } from "../containers/record.ts";
import { tmpfsOptionsOf } from "../containers/tmpfs_options.ts";
import type { EventBus } from "../events/event_bus.ts";
import { findVolume } from "./find_volume.ts";
import { mountSubpath, unmountSubpaths } from "./mount_subpath.ts";
import { leaveVolume, useVolume } from "./mount_volume.ts";
import { runMountsFolder } from "./run_mounts_folder.ts";
import { volumesOf } from "./volume_users.ts";

export interface RunMounts {
  /** What the runtime is to bind, by destination. */
  readonly points: Record<string, MountPoint>;
  /** Those of `--tmpfs` and of `--mount type=tmpfs`, with their options. */
  readonly tmpfs: Record<string, string>;
}

/**
 * For whoever supervises the container, before each run; {@link endRunMounts} afterwards.
 * @throws Failure in Docker's words; nothing is left then
 */
export async function beginRunMounts(
  store: Store,
  record: ContainerRecord,
  hostConfig: HostConfig,
  events: EventBus | undefined,
): Promise<RunMounts> {
  await makeBindSources(record);
  checkPropagation(record);
  const points: Record<string, MountPoint> = {};
  const tmpfs: Record<string, string> = { ...hostConfig.Tmpfs };
  try {
    for (const name of volumesOf(record)) {
      findVolume(store, name);
      await useVolume(store, name, record.ID);
    }
    for (const [destination, point] of Object.entries(record.MountPoints ?? {})) {
      // Docker lets `--tmpfs` win over the image's volume.
      if (hostConfig.Tmpfs?.[destination] !== undefined) continue;
      if (point.Type === "tmpfs") tmpfs[destination] = tmpfsOptionsOf(point.Spec ?? {});
      else points[destination] = { ...point, Source: sourceOf(store, record.ID, point) };
    }
  } catch (error) {
    await endRunMounts(store, record);
    throw error;
  }
  for (const point of Object.values(points)) tellMount(record, point, events);
  return { points, tmpfs };
}

/** Harmless where nothing was begun. @param events undefined: what is ended was left over by a kill */
export async function endRunMounts(store: Store, record: ContainerRecord, events?: EventBus): Promise<void> {
  unmountSubpaths(store, record.ID);
  for (const name of volumesOf(record)) {
    await leaveVolume(store, name, record.ID);
    events?.tell("volume", "unmount", name, { driver: "local", container: record.ID });
  }
  const folder = runMountsFolder(store, record.ID);
  if (existsSync(folder)) rmdirSync(folder);
}

function sourceOf(store: Store, container: string, point: MountPoint): string {
  if (point.Type !== "volume" || point.Name === "") return point.Source;
  const { Mountpoint } = findVolume(store, point.Name);
  const subpath = point.Spec?.VolumeOptions?.Subpath ?? "";
  return subpath === "" ? Mountpoint : mountSubpath(store, container, Mountpoint, subpath);
}

function tellMount({ ID }: ContainerRecord, point: MountPoint, events: EventBus | undefined): void {
  if (point.Type !== "volume") return;
  events?.tell("volume", "mount", point.Name, {
    driver: "local",
    container: ID,
    destination: point.Destination,
    "read/write": String(point.RW),
    propagation: point.Propagation ?? "",
  });
}
