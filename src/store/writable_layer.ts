/** The two directories of a container: the init layer with Docker's placeholders, and on it what the container writes. */
import type { CacheId, Driver } from "../driver/index.ts";
import { driverContent } from "./driver_folder.ts";
import { populateInitLayer, syncInitLayer } from "./init_layer.ts";
import { placeMountPoints, type MountPoint } from "./place_mount_points.ts";

export interface WritableLayer {
  readonly mountId: CacheId;
  readonly initId: CacheId;
}

export interface WritableLayerOptions {
  /** The directory that they stand on. */
  readonly below: CacheId | undefined;
  /** False: a loss of power may take it, and nothing is flushed. */
  readonly durable: boolean;
  /** What else has to be there to mount on. */
  readonly mountPoints?: readonly MountPoint[];
}

/** Makes both. When it fails the caller removes them. */
export async function makeWritableLayer(
  driver: Driver,
  layer: WritableLayer,
  { below, durable, mountPoints = [] }: WritableLayerOptions,
): Promise<void> {
  await driver.create(layer.initId, below, { writable: true });
  {
    await using root = await driver.mount(layer.initId, { volatile: !durable });
    populateInitLayer(root.path);
    placeMountPoints(root.path, mountPoints);
  }
  if (durable) await syncInitLayer(driverContent(driver, layer.initId));
  await driver.create(layer.mountId, layer.initId, { writable: true });
}

/** Removes both; what is missing is no error. Throws `Failure("conflict")` while one is mounted. */
export async function removeWritableLayer(driver: Driver, layer: WritableLayer): Promise<void> {
  await driver.remove(layer.mountId);
  await driver.remove(layer.initId);
}
