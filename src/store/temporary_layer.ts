/** Layers that live no longer than the operation that made them, such as the root filesystem of a build's step. */
import { randomBytes } from "node:crypto";
import type { CacheId } from "../driver/index.ts";
import { Failure } from "../errors.ts";
import type { ChainId } from "../oci/index.ts";
import type { MountPoint } from "./place_mount_points.ts";
import type { Session } from "./sessions.ts";
import type { Store } from "./types.ts";
import { makeWritableLayer, removeWritableLayer } from "./writable_layer.ts";

export interface TemporaryLayer {
  /** What the driver mounts. */
  readonly id: CacheId;
  /** Takes it away; it must not be mounted any more. */
  remove(): Promise<void>;
}

export interface TemporaryLayerOptions {
  /**
   * Whether a container is to run in it: then between `parent` and it lies a layer with the places for what the engine
   * mounts, and with `mountPoints`, so that none of them is a change.
   */
  readonly container: false | { readonly mountPoints: readonly MountPoint[] };
}

/**
 * Makes a writable layer on the layer `parent` (undefined: on nothing). `session` claims its directories: if this process
 * dies, they and what is mounted of them are garbage. The caller sees to it that `parent` stays.
 * Throws `Failure("not-found")` if it is not there.
 */
export async function makeTemporaryLayer(
  store: Store,
  session: Session,
  parent: ChainId | undefined,
  { container }: TemporaryLayerOptions,
): Promise<TemporaryLayer> {
  const { driver } = store;
  const top = parent === undefined ? undefined : await store.layers.get(parent);
  if (parent !== undefined && top === undefined)
    throw new Failure("not-found", `cannot make a layer on ${parent}: there is no such layer`);
  const mountId = randomBytes(32).toString("hex");
  const layer = { mountId, initId: `${mountId}-init` };
  const remove = async (): Promise<void> => {
    await removeWritableLayer(driver, layer);
    await session.settle(layer.mountId, layer.initId);
  };
  await session.claim(layer.initId, layer.mountId);
  try {
    const below = top?.cacheId;
    if (container === false) await driver.create(mountId, below, { writable: true });
    else await makeWritableLayer(driver, layer, { below, durable: false, ...container });
  } catch (error) {
    await remove();
    throw error;
  }
  return { id: mountId, remove };
}
