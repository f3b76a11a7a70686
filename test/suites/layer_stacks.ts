/** Stacks of layers in a driver, put there as the store does it. */
import type { CacheId, Driver } from "../../src/driver/index.ts";
import { unpackHere } from "../../src/layer/index.ts";
import { live, newCacheId } from "./driver_helpers.ts";

/** Unpacks or keeps one layer on `parent`. */
export async function pushLayer(driver: Driver, parent: CacheId | undefined, tar: Buffer): Promise<CacheId> {
  const id = newCacheId();
  await driver.create(id, parent);
  async function* open(): AsyncGenerator<Uint8Array> {
    yield tar;
  }
  const job = { target: driver.target(id), open: () => Promise.resolve(open()), ...live };
  await unpackHere(job, { sync: false });
  return id;
}

/** @param tars bottom first @returns their names, in the same order */
export async function pushLayers(driver: Driver, tars: readonly Buffer[]): Promise<CacheId[]> {
  const ids: CacheId[] = [];
  for (const tar of tars) ids.push(await pushLayer(driver, ids.at(-1), tar));
  const top = ids.at(-1);
  if (top !== undefined) await driver.prepare(top);
  return ids;
}
