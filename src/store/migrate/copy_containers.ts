/** Containers' layers: what each has changed, and the places for what is mounted into it. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { toText } from "../../byte_string.ts";
import { throwIfCancelled } from "../../bytes/index.ts";
import { copyWritable } from "../../driver/index.ts";
import { Failure } from "../../errors.ts";
import { mountInfo } from "../../sys/index.ts";
import { topsOf } from "../container_layers.ts";
import { driverFolder } from "../driver_folder.ts";
import { flush } from "../receive/flush.ts";
import type { Store } from "../types.ts";
import type { Run } from "./types.ts";

/**
 * Brings along the containers that this run has not yet. What an earlier run brought is made anew: the container may
 * have run since.
 */
export async function copyContainers(run: Run): Promise<void> {
  const { source, target, copied } = run;
  const here = await source.containers.list();
  for (const id of await target.containers.list()) {
    if (copied.has(id) && here.includes(id)) continue;
    copied.delete(id);
    await target.containers.remove(id);
  }
  for (const id of here) {
    if (copied.has(id)) continue;
    throwIfCancelled(run.signal);
    if (!(await copyContainer(run, id))) continue;
    copied.add(id);
    run.step("container");
  }
}

/** False if its image came after the layers were copied. The caller holds the container. */
async function copyContainer(run: Run, id: string): Promise<boolean> {
  const { source, target, session, signal } = run;
  const layer = await source.containers.get(id);
  if (layer === undefined) return false;
  const { parent, initId, mountId } = layer;
  for (const top of topsOf(layer)) if ((await target.layers.get(top)) === undefined) return false;
  const below = parent === undefined ? undefined : await target.layers.get(parent);
  await mustBeUnused(source, id, mountId);
  run.report({ id: id.slice(0, 12), status: "Migrating container" });
  // BuildKit in dockerd makes some without an init layer.
  const directories = await source.driver.list();
  const ids = directories.includes(initId) ? [initId, mountId] : [mountId];
  await session.claim(...ids);
  let on = below?.cacheId;
  for (const each of ids) {
    await target.driver.remove(each);
    await target.driver.create(each, on, { writable: true });
    await copyWritable(source.driver, target.driver, each, { signal });
    on = each;
  }
  await flush([driverFolder(target, mountId)]);
  await target.containers.adopt(layer);
  await session.settle(...ids);
  run.report({ id: id.slice(0, 12), status: "Migrated" });
  return true;
}

/** `cp` writes to a container that does not run. A mount that a crash left ends with its last user, here. */
async function mustBeUnused(source: Store, id: string, mountId: string): Promise<void> {
  {
    await using mounted = await source.containers.mount(id, { readOnly: true });
    void mounted.path;
  }
  const merged = join(realpathSync(source.root), source.driver.name, mountId, "merged");
  if (!mountInfo().some(({ mountPoint }) => toText(mountPoint) === merged)) return;
  throw new Failure(
    "conflict",
    `cannot migrate container ${id.slice(0, 12)}: another command uses its files`,
    {
      hint: "Wait until it ends, then migrate again: it goes on where it stopped.",
    },
  );
}
