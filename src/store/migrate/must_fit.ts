/** Whether both copies of a store fit on the disk. */
import { statfsSync } from "node:fs";
import { Failure } from "../../errors.ts";
import type { ChainId } from "../../oci/index.ts";
import { DiskUsage } from "../disk_usage.ts";
import { driverPaths } from "../driver_folder.ts";
import type { Store } from "../types.ts";
import { neededLayers } from "./plan_layers.ts";

/**
 * Throws `Failure("no-space")` if what the target lacks is more than what is free: until the switch both copies are
 * there. Roughly: a layer is taken to need what its tar has, and in a driver of full copies what those below it need.
 */
export async function mustFit(source: Store, target: Store): Promise<void> {
  const needs = new Map<ChainId, number>();
  let needed = await containersNeed(source);
  for (const { chainId, parent } of await neededLayers(source)) {
    const below = parent === undefined || target.driver.independentLayers ? 0 : (needs.get(parent) ?? 0);
    needs.set(chainId, below + (await source.layers.tarSize(chainId)));
    if ((await target.layers.get(chainId)) === undefined) needed += needs.get(chainId) as number;
  }
  const { bavail, bsize } = statfsSync(source.root);
  const free = bavail * bsize;
  if (needed <= free) return;
  const to = target.driver.name;
  throw new Failure(
    "no-space",
    `cannot migrate to ${to}: it needs about ${megabytes(needed)} on the disk that holds ${source.root}, and ${megabytes(free)} are free`,
    {
      hint: "Until the switch both copies are there. `varve system prune` frees some space, `varve rmi` more.",
    },
  );
}

async function containersNeed(source: Store): Promise<number> {
  const usage = new DiskUsage();
  let sum = 0;
  for (const id of await source.containers.list()) {
    const layer = await source.containers.get(id);
    if (layer === undefined) continue;
    for (const path of driverPaths(source, layer.mountId)) sum += await usage.of(path);
  }
  return sum;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
