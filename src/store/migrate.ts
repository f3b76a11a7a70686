/** A whole store from one storage driver to another, in place. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cancelled, throwIfCancelled } from "../bytes/index.ts";
import { createDriver, type DriverName } from "../driver/index.ts";
import { Failure, isFailure } from "../errors.ts";
import { UnpackPool } from "../layer/index.ts";
import { explainDiskFull, isDiskFull } from "./disk_full.ts";
import { driverInForce, putInForce } from "./driver_in_force.ts";
import { openLocks } from "./locks.ts";
import { copyContainers } from "./migrate/copy_containers.ts";
import { copyLayers } from "./migrate/copy_layers.ts";
import { type Migration, readMigration, writeMigration } from "./migrate/marker.ts";
import { mustFit } from "./migrate/must_fit.ts";
import { mustWork } from "./migrate/must_work.ts";
import { unlessMigrating } from "./migrate/one_at_a_time.ts";
import { neededLayers } from "./migrate/plan_layers.ts";
import { settleMigration } from "./migrate/remains.ts";
import { othersEnded, switchOver } from "./migrate/switch_over.ts";
import type { MigrateOptions, MigrationResult, Run } from "./migrate/types.ts";
import { openStore } from "./open_store.ts";
import { storePaths } from "./paths.ts";
import { listIfThere } from "./read_small.ts";
import { referredDirectories } from "./recover.ts";
import { openSession, type Session } from "./sessions.ts";
import type { Store } from "./types.ts";

/**
 * Brings all that `source` holds to the driver `options.to`: layers from their exact tars, verified; configs, names and
 * maps byte for byte; containers with what they have changed. Every ID, digest and name stays.
 *
 * 1. The new store is built beside the old one, which stays in force; others may go on using it.
 * 2. When nobody else makes anything and all is there, verified and flushed, one write of `varve/driver` puts the new
 *    store in force.
 * 3. What the old driver holds is removed, unless `keep`.
 *
 * After a failure, a cancellation or a kill the root opens with the driver that is in force. The next call goes on with
 * the layers that are there; `collectGarbage`, or a migration to the driver in force, removes what is left instead. After
 * a full disk it is removed at once. `source` is over after the switch: open the root anew.
 *
 * Throws `Failure`: `conflict` while another migration runs, or if the target driver has images of its own; `unsupported`
 * if that driver does not work here; `no-space`; `corrupt` for a layer that is not what its ID says.
 */
export async function migrateStore(source: Store, options: MigrateOptions): Promise<MigrationResult> {
  const result = await unlessMigrating(source, () => migrate(source, options));
  if (result !== undefined) return result;
  throw new Failure("conflict", `another migration of ${source.root} is running`);
}

async function migrate(source: Store, options: MigrateOptions): Promise<MigrationResult> {
  const { root } = source;
  const { to, keep = false, signal } = options;
  const from = source.driver.name;
  const inForce = driverInForce(root);
  if (inForce !== undefined && inForce !== from)
    throw new Failure(
      "conflict",
      `cannot migrate from ${from}: the images of ${root} are kept by ${inForce}`,
    );
  const earlier = readMigration(root);
  const goesOn = earlier?.from === from && earlier.to === to;
  let isFree = true;
  if (earlier !== undefined && !goesOn) isFree = await settleMigration(root, earlier, options.onStep);
  const none = { from, to, already: true, images: 0, layers: 0, containers: 0 };
  if (to === from) return { ...none, old: isFree ? "removed" : "in use" };
  if (!isFree) throw new Failure("conflict", `what ${earlier?.to} or ${earlier?.from} held is still in use`);
  if (!goesOn) mustBeEmpty(root, to, await createDriver(to, { root: join(root, to) }).list());
  await options.holdContainers?.();
  const migration: Migration = { from, to, keep };
  try {
    return await inSession(root, (session) => carry(source, session, migration, options));
  } catch (error) {
    if (isDiskFull(error) && driverInForce(root) !== to) await settleMigration(root, migration);
    throw isFailure(error) || !signal.aborted ? explainDiskFull(root, error) : cancelled(signal);
  }
}

/** What lies there was not brought by a migration, and would not survive one. */
function mustBeEmpty(root: string, to: DriverName, directories: readonly string[]): void {
  const { configs, layers, mounts, images, driver } = storePaths(root, to);
  const found = [...directories, ...[configs, layers, mounts].flatMap(listIfThere)];
  if (found.length === 0) return;
  throw new Failure("conflict", `cannot migrate to ${to}, which has images of its own in ${images}`, {
    hint: `If nobody needs them, remove ${images} and ${driver}.`,
  });
}

async function carry(
  source: Store,
  session: Session,
  migration: Migration,
  options: MigrateOptions,
): Promise<MigrationResult> {
  const { signal, onStep: step = () => undefined } = options;
  const { root } = source;
  await tryOut(migration.to, session, signal);
  // In this order: a marker says what is not in force, so that something must be.
  await putInForce(root, migration.from);
  await writeMigration(root, migration);
  step("begun");
  const target = await openStore({ root, driver: migration.to });
  await dropStrays(target);
  await mustFit(source, target);
  await using pool = new UnpackPool({ size: 1 });
  const run: Run = {
    source,
    target,
    session,
    pool,
    signal,
    step,
    report: options.report ?? (() => undefined),
    holdContainers: options.holdContainers ?? (async () => undefined),
    copied: new Set(),
  };
  await copyUntilSwitched(run);
  const counts = {
    images: (await target.images.list()).length,
    layers: (await neededLayers(target)).length,
    containers: run.copied.size,
  };
  const isFree = await settleMigration(root, migration, step);
  const old = migration.keep ? "kept" : isFree ? "removed" : "in use";
  return { from: migration.from, to: migration.to, already: false, ...counts, old };
}

/** Others may pull, build and create meanwhile: what comes is brought along in the next round. */
async function copyUntilSwitched(run: Run): Promise<void> {
  do {
    throwIfCancelled(run.signal);
    await copyLayers(run);
    await run.holdContainers();
    await copyContainers(run);
    await othersEnded(run);
  } while (!(await switchOver(run)));
}

async function tryOut(to: DriverName, session: Session, signal: AbortSignal): Promise<void> {
  const scratch = join(session.directory, "probe");
  mkdirSync(scratch);
  await mustWork(to, scratch, signal);
}

/** Directories that a killed run was filling. Nobody else works in the target. */
async function dropStrays(target: Store): Promise<void> {
  const referred = await referredDirectories(target);
  for (const id of await target.driver.list()) if (!referred.has(id)) await target.driver.remove(id);
}

/** A session of neither store: it outlives the switch. What it claims stays in any case. */
async function inSession<T>(root: string, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession({ root, withLock: openLocks(storePaths(root, "vfs").locks) });
  try {
    return await work(session);
  } finally {
    await session.finish();
  }
}
