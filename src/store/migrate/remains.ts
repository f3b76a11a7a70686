/** What the driver that is not in force still holds after a migration, or after one that was not finished. */
import { existsSync, readFileSync, rmdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createDriver, type DriverName } from "../../driver/index.ts";
import { isFailure } from "../../errors.ts";
import { goJson } from "../../oci/index.ts";
import { ensureDirectory, syncDirectory, writeAtomically } from "../atomic_write.ts";
import { openContainerLayers } from "../container_layers.ts";
import { driverInForce } from "../driver_in_force.ts";
import { ignoreCorrupt } from "../ignore_corrupt.ts";
import { openLayerDb } from "../layer_db.ts";
import { modes, storePaths } from "../paths.ts";
import { listIfThere } from "../read_small.ts";
import { dropMigration, type Migration } from "./marker.ts";

/** The driver whose directories nobody needs; undefined: they are to stay. */
export function loserOf(root: string, { from, to, keep }: Migration): DriverName | undefined {
  if (driverInForce(root) !== to) return to;
  return keep ? undefined : from;
}

/**
 * Ends the migration: gives containers' records the driver that is in force, and removes what the other holds. May be
 * killed at any point and called again. False if somebody still uses a part of it; then the marker stays.
 */
export async function settleMigration(
  root: string,
  migration: Migration,
  step: (step: string) => void = () => undefined,
): Promise<boolean> {
  const loser = loserOf(root, migration);
  if (loser !== migration.to) await renameInRecords(root, migration);
  step("records");
  if (loser !== undefined && !(await removeAll(root, loser, step))) return false;
  await dropMigration(root);
  step("settled");
  return true;
}

/** `Driver` in `containers/<id>/config.v2.json`: dockerd passes over containers of another driver. */
async function renameInRecords(root: string, { from, to }: Migration): Promise<void> {
  const { containers } = storePaths(root, to);
  for (const id of listIfThere(containers)) {
    const path = join(containers, id, "config.v2.json");
    if (!existsSync(path)) continue;
    let record: Record<string, unknown>;
    try {
      record = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    } catch {
      // It was nobody's before.
      continue;
    }
    if (record["Driver"] !== from) continue;
    await writeAtomically(path, `${goJson({ ...record, Driver: to })}\n`, modes.privateFile);
  }
}

/** The image tree goes last: it says which directories there are. */
async function removeAll(root: string, name: DriverName, step: (step: string) => void): Promise<boolean> {
  const paths = storePaths(root, name);
  const driver = createDriver(name, { root: paths.driver });
  let isFree = true;
  for (const id of await directoriesOf(root, name)) {
    try {
      await driver.remove(id);
    } catch (error) {
      if (!isFailure(error, "conflict")) throw error;
      isFree = false;
    }
    step("removed");
  }
  if (!isFree) return false;
  await removeHome(name, paths.driver);
  await rm(paths.images, { recursive: true, force: true });
  await rm(paths.layerIndex, { force: true });
  await ensureDirectory(join(root, "image"), modes.private);
  await syncDirectory(join(root, "image"));
  return true;
}

/** Containers' first, then all others. */
async function directoriesOf(root: string, name: DriverName): Promise<Set<string>> {
  const paths = storePaths(root, name);
  const driver = createDriver(name, { root: paths.driver });
  const layers = openLayerDb(paths, driver);
  const containers = openContainerLayers(paths, driver, layers);
  const ids = new Set<string>();
  for (const id of await containers.list()) {
    const container = await ignoreCorrupt(containers.get(id));
    if (container !== undefined) ids.add(container.mountId).add(container.initId);
  }
  for (const id of await driver.list()) ids.add(id);
  // Those that BuildKit named are in no list of the driver's.
  for (const chain of await layers.list()) {
    const layer = await ignoreCorrupt(layers.get(chain));
    if (layer !== undefined) ids.add(layer.cacheId);
  }
  return ids;
}

/** The driver's own directory, if nothing of others is in it. */
async function removeHome(name: DriverName, home: string): Promise<void> {
  const books = name === "overlay2" ? "l" : name === "vfs" ? "dir" : undefined;
  if (listIfThere(home).some((entry) => entry !== books)) return;
  if (name === "overlay2") await rm(join(home, "l"), { recursive: true, force: true });
  for (const path of books === undefined ? [home] : [join(home, books), home]) {
    try {
      rmdirSync(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTEMPTY" && code !== "EBUSY") throw error;
    }
  }
}
